import { basename } from 'node:path'
import { InputError } from '../../core/errors.js'
import { duplicateKey } from '../../core/text/duplicateKey.js'
import { JsonObject } from '../../core/text/json.js'
import { parseExactly } from '../exactJson.js'
import { markFloats } from '../parquet/markFloats.js'
import { readParquet } from '../parquet/readParquet.js'
import { csvRows } from './csvRows.js'
import { jsonArray } from './jsonArray.js'
import { inputName, openInput, parquetInFolder, statInput } from './openInput.js'
import { type Line, readLines } from './readLines.js'

/** One row of an input: its values, or the problem that it has none. */
export type InputRecord = Readonly<{
  /** File name and row number: `sample.jsonl:12`. */
  place: string
  /** The same with the path as it was given, for messages. */
  where: string
  /** By column. Numbers and objects that JavaScript would change are `JsonNumber` and `JsonObject`. */
  values?: Readonly<Record<string, unknown>>
  /** What was expected of a row that has no values. */
  problem?: string
}>

export type ReadOptions = Readonly<{
  /** Columns to read from Parquet (default: all). */
  columns?: readonly string[]
  /** A file with columns needs one column of each list. */
  needs?: readonly (readonly string[])[]
  /** The bytes behind `-`. */
  stdin?: AsyncIterable<Uint8Array>
}>

const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text)

const at = (path: string, number: number): Pick<InputRecord, 'place' | 'where'> => {
  const name = inputName(path)
  return { place: `${basename(name)}:${number}`, where: `${name}:${number}` }
}

/** Reads JSON text as a record; undefined for a blank line. */
function recordOf({ number, text, problem }: Line, path: string): InputRecord | undefined {
  const found = at(path, number)
  if (problem !== undefined) return { ...found, problem: `${found.where}: Expected a line of ${problem}` }
  if (text === undefined || text.trim() === '') return undefined
  const values = columnsOf(text)
  const twice = values && duplicateKey(text)
  if (twice !== undefined)
    return { ...found, problem: `${found.where}: Expected each key once, got ${JSON.stringify(shorten(twice))} twice` }
  if (values !== undefined) return { ...found, values }
  return { ...found, problem: `${found.where}: Expected a JSON object, got \`${shorten(text.trim())}\`` }
}

function columnsOf(text: string): Record<string, unknown> | undefined {
  let value: unknown
  try {
    value = parseExactly(text)
  } catch {
    return undefined
  }
  if (value instanceof JsonObject) return Object.fromEntries(value)
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
}

async function* fromJson(lines: AsyncIterable<Line>, path: string): AsyncGenerator<InputRecord> {
  for await (const line of lines) {
    const record = recordOf(line, path)
    if (record) yield record
  }
}

/** Columns of CSV whose fields are read as JSON if they can be. CSV itself knows only text. */
const TYPED = new Set(
  'messages tools chat_template_kwargs stop sample weight k temperature seed max_new_tokens max_prompt_tokens'.split(' '),
)

function typeField(column: string, text: string | null): unknown {
  if (text === null || !TYPED.has(column)) return text
  try {
    return parseExactly(text)
  } catch {
    return text
  }
}

type CsvOptions = Readonly<{ path: string; delimiter: string; check: (columns: readonly string[]) => void }>

async function* fromCsv(bytes: AsyncIterable<Uint8Array>, { path, ...options }: CsvOptions): AsyncGenerator<InputRecord> {
  for await (const { line, values, problem } of csvRows(bytes, { where: inputName(path), ...options })) {
    const found = at(path, line)
    if (values === undefined) yield { ...found, problem: `${found.where}: ${problem}` }
    else
      yield { ...found, values: Object.fromEntries(Object.entries(values).map(([name, text]) => [name, typeField(name, text)])) }
  }
}

async function* fromParquet(path: string, { columns, needs }: ReadOptions): AsyncGenerator<InputRecord> {
  const file = await readParquet(path)
  checkColumns(path, file.columns, needs)
  let number = 0
  const marked = markFloats(file.schema)
  for await (const values of file.records(columns)) {
    number++
    yield { ...at(path, number), values: marked(values) }
  }
}

/** @throws InputError if the file has no column of one of the lists */
function checkColumns(path: string, columns: readonly string[], needs: ReadOptions['needs'] = []): void {
  const missing = needs.find((names) => !names.some((name) => columns.includes(name)))
  if (missing === undefined) return
  const expected = missing.map((name) => `\`${name}\``).join(' or ')
  throw new InputError(`Expected ${inputName(path)} to have a column ${expected}, found ${columns.join(', ') || 'none'}`)
}

/**
 * Reads rows on demand from a file or standard input (`-`): JSONL, a JSON array or CSV, also compressed by gzip or zstd, a Parquet file, or a
 * folder of Parquet files. The content decides which of these a file is. Blank lines are skipped. An unreadable row is a record with a
 * problem.
 *
 * @throws InputError if there is no such file, it is damaged, or is of another kind, which the message names
 */
export async function* readRecords(path: string, options: ReadOptions = {}): AsyncGenerator<InputRecord> {
  const { needs = [], stdin } = options
  if (path !== '-' && (await statInput(path)).isDirectory()) {
    for (const file of await parquetInFolder(path)) yield* fromParquet(file, options)
    return
  }
  const input = await openInput(path, { stdin, columns: needs.flat() })
  const { format, bytes } = input
  if (format === 'parquet') yield* fromParquet(path, options)
  else if (format === 'json') yield* fromJson(jsonArray(bytes, inputName(path)), path)
  else if (format === 'jsonl') yield* fromJson(readLines(bytes), path)
  else {
    const check = (columns: readonly string[]) => checkColumns(path, columns, needs)
    yield* fromCsv(bytes, { path, delimiter: input.delimiter ?? ',', check })
  }
}
