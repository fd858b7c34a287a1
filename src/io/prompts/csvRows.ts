import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type CsvError, type Info, parse } from 'csv-parse'
import { InputError, messageOf } from '../../core/errors.js'
import { LONGEST_LINE } from './readLines.js'

/** A row of CSV under the names of its header. An empty field is null. The row begins at `line`. */
export type CsvRow = Readonly<{ line: number; values?: Readonly<Record<string, string | null>>; problem?: string }>

type Parsed = Readonly<{ record: readonly string[]; info: Info }>

/**
 * Reads rows of CSV (RFC 4180, any delimiter) on demand. The first row names the columns. A row of another length has a problem instead of
 * values.
 *
 * @param where the input's name, for messages
 * @param check is called with the columns before the first row
 * @throws InputError for a header with a name twice, bytes that are no UTF-8, and an open quote; the message names the line
 */
export async function* csvRows(
  chunks: AsyncIterable<Uint8Array>,
  { where, delimiter, check }: Readonly<{ where: string; delimiter: string; check: (columns: readonly string[]) => void }>,
): AsyncGenerator<CsvRow> {
  const parser = parse({
    ...{ delimiter, info: true, relax_column_count: true, skip_empty_lines: true, max_record_size: LONGEST_LINE },
  })
  // A failure destroys the parser, so that its reader fails.
  pipeline(Readable.from(decode(chunks, where)), parser).catch(() => undefined)
  let columns: readonly string[] | undefined
  let read = 0
  let blank = 0
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>) {
      const line = read + 1 + info.empty_lines - blank
      read = info.lines
      blank = info.empty_lines
      if (columns === undefined) {
        columns = record.map((name) => name.trim())
        const twice = columns.find((name, index) => columns!.indexOf(name) !== index)
        if (twice !== undefined) throw new InputError(`Expected each column of ${where} once, got \`${twice}\` twice`)
        check(columns)
      } else if (record.length !== columns.length)
        yield { line, problem: `Expected ${columns.length} fields, as in the header, got ${record.length}` }
      else yield { line, values: Object.fromEntries(columns.map((name, index) => [name, record[index] || null])) }
    }
  } catch (error) {
    if (error instanceof InputError) throw error
    const { code } = error as Partial<CsvError>
    if (typeof code !== 'string' || !code.startsWith('CSV_')) throw error
    throw new InputError(`Expected CSV in ${where}: ${messageOf(error)}`)
  }
}

async function* decode(chunks: AsyncIterable<Uint8Array>, where: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let lines = 0
  const text = (bytes?: Uint8Array): string => {
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined })
    } catch {
      throw new InputError(`Expected UTF-8 in ${where}, got other bytes after line ${lines + 1}: save it as UTF-8`)
    }
  }
  for await (const chunk of chunks) {
    const piece = text(chunk)
    yield piece
    lines += piece.split('\n').length - 1
  }
  yield text()
}
