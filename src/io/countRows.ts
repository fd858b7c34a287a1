import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { readParquet } from './parquet/readParquet.js'
import { readLines } from './prompts/readLines.js'
import { checkInput, isParquet } from './prompts/readRecords.js'
import { parquetFiles } from './readRows.js'

/** Reading a larger file twice, to say how far one is, would cost more than it tells. */
const LARGEST = 256 * 2 ** 20

/** How many rows `fromFile` gives of a path; undefined where that is not known without much reading, as for `-`. */
export async function countRows(path: string): Promise<number | undefined> {
  if (path === '-') return undefined
  await checkInput(path)
  const found = await stat(path)
  if (found.isDirectory() || (found.isFile() && (await isParquet(path)))) {
    const files = await Promise.all((await parquetFiles(path)).map(readParquet))
    return files.reduce((sum, { rowCount }) => sum + rowCount, 0)
  }
  // A pipe can be read once only.
  if (!found.isFile() || found.size > LARGEST) return undefined
  let count = 0
  for await (const { text } of readLines(createReadStream(path, { highWaterMark: 1 << 20 }))) {
    if (text === undefined || text.trim() !== '') count++
  }
  return count
}
