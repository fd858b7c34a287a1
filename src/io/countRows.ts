import { readParquet } from './parquet/readParquet.js'
import { openInput } from './prompts/openInput.js'
import { readLines } from './prompts/readLines.js'
import { fileRecords, type ReadOptions } from './prompts/readRecords.js'
import { isRemote } from './sources/inputFile.js'
import { listInput } from './sources/listInput.js'

/** Reading a larger file twice, only to show progress, would cost too much. */
const LARGEST = 256 * 2 ** 20
/** Compressed files hold several times their size. */
const LARGEST_COMPRESSED = 32 * 2 ** 20
const COMPRESSED = /\.(gz|gzip|zst|zstd)$/i

/**
 * Counts the rows that `fromFile` reads from an input; undefined if that takes much reading or is impossible, as for `-` and for remote files.
 */
export async function countRows(input: string, { needs }: Pick<ReadOptions, 'needs'> = {}): Promise<number | undefined> {
  if (input === '-' || isRemote(input)) return undefined
  let count = 0
  let read = 0
  for (const file of await listInput(input)) {
    const { name, size } = file
    // A pipe can be read only once.
    if (size === undefined) return undefined
    const { format, bytes, close } = await openInput(file, needs?.flat())
    if (format === 'parquet') {
      count += (await readParquet(file)).rowCount
      continue
    }
    read += COMPRESSED.test(name) ? (size * LARGEST) / LARGEST_COMPRESSED : size
    if (read > LARGEST) {
      await close()
      return undefined
    }
    if (format === 'jsonl') {
      for await (const { text } of readLines(bytes)) if (text === undefined || text.trim() !== '') count++
    } else {
      await close()
      for await (const _ of fileRecords(file, { needs })) count++
    }
  }
  return count
}
