import { InputError } from '../../core/errors.js'
import { duplicateKey } from '../../core/text/duplicateKey.js'
import { JsonObject } from '../../core/text/json.js'
import { parseExactly } from '../exactJson.js'
import { markFloats } from '../parquet/markFloats.js'
import { readParquet } from '../parquet/readParquet.js'
import type { InputFile } from '../sources/inputFile.js'
import { listInput } from '../sources/listInput.js'
import { csvRows } from './csvRows.js'
import { jsonArray } from './jsonArray.js'
import { openInput } from './openInput.js'
import { type Line, readLines } from './readLines.js'
import { syntaxErrorAt } from './syntaxErrorAt.js'

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
  stdin?: AsyncIterable<Uint8Array> | undefined
}>

const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text)

const at = (file: InputFile, number: number): Pick<InputRecord, 'place' | 'where'> => ({
  place: `${file.place}:${number}`,
  where: `${file.name}:${number}`,
})

/** Reads JSON text as a record; undefined for a blank line. */
function recordOf(line: Line, file: InputFile): InputRecord | undefined {
  const { number, text, problem } = line
  const found = at(file, number)
  if (problem !== undefined) return { ...found, problem: `${found.where}: Expected a line of ${problem}` }
  if (text === undefined || text.trim() === '') return undefined
  const read = columnsOf(text)
  if ('values' in read) {
    const twice = duplicateKey(text)
    if (twice === undefined) return { ...found, values: read.values }
    return { ...found, problem: `${found.where}: Expected each key once, got ${JSON.stringify(shorten(twice))} twice` }
  }
  const where = read.broken ? brokenAt(line, found.where) : found.where
  return { ...found, problem: `${where}: Expected a JSON object, got \`${shorten(text.trim())}\`` }
}

/** Adds the column of a syntax error: `prompts.jsonl:12:7`, and behind an element of an array its line, too: `prompts.json:12 (line 90, column 7)`. */
function brokenAt({ text = '', start }: Line, where: string): string {
  const offset = syntaxErrorAt(text)
  if (start === undefined) return `${where}:${offset + 1}`
  const lines = text.slice(0, offset).split('\n')
  const column = lines.at(-1)!.length + (lines.length === 1 ? start.column : 1)
  return `${where} (line ${start.line + lines.length - 1}, column ${column})`
}

type Read = Readonly<{ values: Record<string, unknown> } | { broken: boolean }>

function columnsOf(text: string): Read {
  let value: unknown
  try {
    value = parseExactly(text)
  } catch {
    return { broken: true }
  }
  if (value instanceof JsonObject) return { values: Object.fromEntries(value) }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { broken: false }
  return { values: value as Record<string, unknown> }
}

async function* fromJson(lines: AsyncIterable<Line>, file: InputFile): AsyncGenerator<InputRecord> {
  for await (const line of lines) {
    const record = recordOf(line, file)
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

type CsvOptions = Readonly<{ file: InputFile; delimiter: string; check: (columns: readonly string[]) => void }>

async function* fromCsv(bytes: AsyncIterable<Uint8Array>, { file, ...options }: CsvOptions): AsyncGenerator<InputRecord> {
  for await (const { line, values, problem } of csvRows(bytes, { where: file.name, ...options })) {
    const found = at(file, line)
    if (values === undefined) yield { ...found, problem: `${found.where}: ${problem}` }
    else
      yield { ...found, values: Object.fromEntries(Object.entries(values).map(([name, text]) => [name, typeField(name, text)])) }
  }
}

async function* fromParquet(file: InputFile, { columns, needs }: ReadOptions): AsyncGenerator<InputRecord> {
  const read = await readParquet(file)
  checkColumns(file, read.columns, needs)
  let number = 0
  const marked = markFloats(read.schema)
  for await (const values of read.records(columns)) {
    number++
    yield { ...at(file, number), values: marked(values) }
  }
}

/** @throws InputError if the file has no column of one of the lists */
function checkColumns({ name: where }: InputFile, columns: readonly string[], needs: ReadOptions['needs'] = []): void {
  const missing = needs.find((names) => !names.some((name) => columns.includes(name)))
  if (missing === undefined) return
  const expected = missing.map((name) => `\`${name}\``).join(' or ')
  throw new InputError(`Expected ${where} to have a column ${expected}, found ${columns.join(', ') || 'none'}`)
}

/**
 * Reads rows on demand from an input: standard input (`-`), a file, the files of a folder or a glob, or an address of http(s) or s3. A file is
 * JSONL, a JSON array or CSV, each also compressed by gzip or zstd, or Parquet; its content decides. Blank lines are skipped. An unreadable
 * row is a record with a problem.
 *
 * @throws InputError if there is no such file, it is damaged, or is of another kind, which the message names
 */
export async function* readRecords(input: string, options: ReadOptions = {}): AsyncGenerator<InputRecord> {
  for (const file of await listInput(input, options.stdin)) yield* fileRecords(file, options)
}

/** Reads rows on demand from one file of an input. */
export async function* fileRecords(file: InputFile, options: ReadOptions): AsyncGenerator<InputRecord> {
  const { needs = [] } = options
  const { format, bytes, delimiter = ',' } = await openInput(file, needs.flat())
  if (format === 'parquet') yield* fromParquet(file, options)
  else if (format === 'json') yield* fromJson(jsonArray(bytes, file.name), file)
  else if (format === 'jsonl') yield* fromJson(readLines(bytes), file)
  else yield* fromCsv(bytes, { file, delimiter, check: (columns) => checkColumns(file, columns, needs) })
}
