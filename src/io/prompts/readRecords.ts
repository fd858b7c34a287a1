import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { InputError, messageOf } from '../../core/errors.js'
import { parseExactly, roundsNumbers } from '../exactJson.js'
import { readParquet } from '../parquet/readParquet.js'
import { parquetFiles } from '../readRows.js'
import { type Line, readLines } from './readLines.js'

/** One row of an input: its values, or what was expected where it has none. */
export type InputRecord = Readonly<{
  /** File name and row number: `sample.jsonl:12`. */
  place: string
  /** The same with the path as it was given, for messages. */
  where: string
  values?: Readonly<Record<string, unknown>>
  /** The same with numbers as they were written, where `values` rounds some. */
  exact?: Readonly<Record<string, unknown>>
  problem?: string
}>

export type ReadOptions = Readonly<{
  /** Columns to read, of a file in which columns lie apart; all unless given. */
  columns?: readonly string[]
  /** What `-` stands for. */
  stdin?: AsyncIterable<Uint8Array>
}>

const MAGIC = 'PAR1'

const shortened = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text)

/** A JSONL line as a record; undefined for a blank one. */
function recordOf({ number, text, problem }: Line, path: string): InputRecord | undefined {
  const name = path === '-' ? 'stdin' : path
  const at = { place: `${basename(name)}:${number}`, where: `${name}:${number}` }
  if (problem !== undefined) return { ...at, problem: `${at.where}: Expected a line of ${problem}` }
  if (text === undefined || text.trim() === '') return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return {
      ...at,
      values: value as Record<string, unknown>,
      ...(roundsNumbers(text) && { exact: parseExactly(text) as Record<string, unknown> }),
    }
  return { ...at, problem: `${at.where}: Expected a JSON object, got \`${shortened(text.trim())}\`` }
}

async function* fromLines(chunks: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<InputRecord> {
  for await (const line of readLines(chunks)) {
    const record = recordOf(line, path)
    if (record) yield record
  }
}

async function* fromParquet(path: string, columns?: readonly string[]): AsyncGenerator<InputRecord> {
  let number = 0
  for await (const values of (await readParquet(path)).records(columns)) {
    number++
    yield { place: `${basename(path)}:${number}`, where: `${path}:${number}`, values }
  }
}

/** By its name or its first bytes. A pipe is not looked into: what is read there is gone. */
export async function isParquet(path: string): Promise<boolean> {
  if (path.endsWith('.parquet')) return true
  if (!(await stat(path)).isFile()) return false
  const handle = await open(path)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0)
    return buffer.toString('latin1', 0, bytesRead) === MAGIC
  } finally {
    await handle.close()
  }
}

/** @throws InputError unless there is something to read at the path; `-` is taken on trust */
export async function checkInput(path: string): Promise<void> {
  if (path === '-') return
  await stat(path).catch((error: unknown) => {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new InputError(`Expected a JSONL or Parquet file at ${path}, ${missing ? 'found nothing there' : messageOf(error)}`)
  })
}

/**
 * Rows of a JSONL or Parquet file, of a folder of Parquet files, or of JSONL on standard input (`-`), as they are pulled. Blank
 * lines are skipped; a line that is no JSON object is a record with a problem.
 *
 * @throws InputError when there is no such file, or it is damaged Parquet
 */
export async function* readRecords(
  path: string,
  { columns, stdin = process.stdin }: ReadOptions = {},
): AsyncGenerator<InputRecord> {
  if (path === '-') return yield* fromLines(stdin, path)
  await checkInput(path)
  if ((await stat(path)).isDirectory()) {
    for (const file of await parquetFiles(path)) yield* fromParquet(file, columns)
  } else if (await isParquet(path)) yield* fromParquet(path, columns)
  else yield* fromLines(createReadStream(path, { highWaterMark: 1 << 20 }), path)
}
