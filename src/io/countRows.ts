import { readParquet } from './parquet/readParquet.js'
import { openInput, statInput } from './prompts/openInput.js'
import { readLines } from './prompts/readLines.js'
import { type ReadOptions, readRecords } from './prompts/readRecords.js'
import { parquetFiles } from './readRows.js'

/** Reading a larger file twice, only to show progress, would cost too much. */
const LARGEST = 256 * 2 ** 20
/** Compressed files hold several times their size. */
const LARGEST_COMPRESSED = 32 * 2 ** 20
const COMPRESSED = /\.(gz|gzip|zst|zstd)$/i

/** Counts the rows that `fromFile` reads from a path; undefined if that takes much reading or is impossible, as for `-`. */
export async function countRows(path: string, { needs }: Pick<ReadOptions, 'needs'> = {}): Promise<number | undefined> {
  if (path === '-') return undefined
  const found = await statInput(path)
  if (found.isDirectory()) return parquetRows(path)
  // A pipe can be read only once.
  if (!found.isFile()) return undefined
  const { format, bytes, close } = await openInput(path, { columns: needs?.flat() })
  if (format === 'parquet') return parquetRows(path)
  const isLarge = found.size > (COMPRESSED.test(path) ? LARGEST_COMPRESSED : LARGEST)
  if (isLarge || format !== 'jsonl') await close()
  if (isLarge) return undefined
  let count = 0
  if (format === 'jsonl') {
    for await (const { text } of readLines(bytes)) if (text === undefined || text.trim() !== '') count++
  } else for await (const _ of readRecords(path, { needs })) count++
  return count
}

async function parquetRows(path: string): Promise<number> {
  const files = await Promise.all((await parquetFiles(path)).map(readParquet))
  return files.reduce((sum, { rowCount }) => sum + rowCount, 0)
}
