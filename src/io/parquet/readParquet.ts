import { type FileMetaData, parquetMetadataAsync, parquetReadObjects, parquetSchema, type SchemaTree } from 'hyparquet'
import { InputError, messageOf } from '../../core/errors.js'
import { JsonNumber, JsonObject } from '../../core/text/json.js'
import { parseExactly } from '../exactJson.js'
import type { InputFile } from '../sources/inputFile.js'
import { unscaleDecimals } from './unscaleDecimals.js'

/** An open Parquet file. */
export type ParquetFile = Readonly<{
  /** Names of its columns, in their order. */
  columns: readonly string[]
  schema: SchemaTree
  rowCount: number
  metadata: ReadonlyMap<string, string>
  /**
   * Reads records in order, with one row group in memory. `columns` the file lacks are left out. `rowNumbers` picks rows; row groups without
   * any of them stay unread. Numbers that a double would change are BigInt or `JsonNumber`.
   */
  records(columns?: readonly string[], rowNumbers?: ReadonlySet<number>): AsyncGenerator<Record<string, unknown>>
}>

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Decodes text; bytes that are no UTF-8 stay bytes. The library's own decoder repairs text silently and drops a leading byte order mark. */
function textOf(bytes: Uint8Array): unknown {
  if (!bytes) return bytes
  try {
    return strict.decode(bytes)
  } catch {
    return bytes
  }
}

/** Makes a Date, which counts milliseconds. A finer time keeps its digits in its JSON text. */
function timeOf(count: bigint, perMillisecond: bigint): Date {
  const rest = ((count % perMillisecond) + perMillisecond) % perMillisecond
  const date = new Date(Number((count - rest) / perMillisecond))
  if (rest === 0n || Number.isNaN(date.getTime())) return date
  const digits = String(rest).padStart(String(perMillisecond).length - 1, '0')
  const text = date.toISOString().replace('Z', `${digits}Z`)
  return Object.assign(date, { toJSON: () => text })
}

/** Makes the Date of a day. Its JSON text has no time. */
function dayOf(days: number): Date {
  const date = new Date(days * 86_400_000)
  return Number.isNaN(date.getTime()) ? date : Object.assign(date, { toJSON: () => date.toISOString().slice(0, -14) })
}

const parsers = {
  stringFromBytes: textOf,
  // The library passes null on, though its types do not say so.
  jsonFromBytes: (bytes: Uint8Array | undefined) => bytes && parseExactly(new TextDecoder().decode(bytes)),
  timestampFromMicroseconds: (count: bigint) => timeOf(count, 1000n),
  timestampFromNanoseconds: (count: bigint) => timeOf(count, 1_000_000n),
  dateFromDays: dayOf,
}

/** Turns BigInt into number if nothing is lost, at any depth, and undefined into null. The library reads 64-bit integers as BigInt. */
function plain(value: unknown): unknown {
  if (value === undefined) return null
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (value === null || typeof value !== 'object' || value instanceof Date || value instanceof Uint8Array) return value
  if (value instanceof JsonNumber || value instanceof JsonObject) return value
  if (Array.isArray(value)) return value.map(plain)
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as Iterable<unknown>, plain)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}

const pairsOf = ({ key_value_metadata: pairs = [] }: FileMetaData) => new Map(pairs.map(({ key, value }) => [key, value ?? '']))

/** The range from the first to the last of the numbers in [start, end). Its end is exclusive. */
function spanOf(numbers: ReadonlySet<number>, start: number, end: number): [number, number] {
  const within = [...numbers].filter((each) => each >= start && each < end)
  return within.length === 0 ? [end, end] : [Math.min(...within), Math.max(...within) + 1]
}

/**
 * Opens a Parquet file and reads its footer.
 *
 * @throws InputError if it is missing, no Parquet file, or a stream; from `records` also if a page cannot be read
 */
export async function readParquet({ name: path, buffer: open }: Pick<InputFile, 'name' | 'buffer'>): Promise<ParquetFile> {
  const reading = async <T>(read: () => Promise<T>): Promise<T> => {
    try {
      return await read()
    } catch (error) {
      if (error instanceof InputError) throw error
      throw new InputError(`Expected ${path} to be a complete Parquet file: ${messageOf(error)}`)
    }
  }
  const { file, metadata, restore } = await reading(async () => {
    if (open === undefined) throw new Error('it is a stream')
    const buffer = await open()
    return { file: buffer, ...unscaleDecimals(await parquetMetadataAsync(buffer)) }
  })
  // Loaded late, because its tables take many kilobytes.
  const { compressors } = await import('hyparquet-compressors')
  const schema = parquetSchema(metadata)
  const names = schema.children.map(({ element }) => element.name)
  return {
    columns: names,
    schema,
    rowCount: Number(metadata.num_rows),
    metadata: pairsOf(metadata),
    async *records(columns = names, rowNumbers) {
      const there = columns.filter((name) => names.includes(name))
      let start = 0
      for (const group of metadata.row_groups) {
        const end = start + Number(group.num_rows)
        const [rowStart, rowEnd] = rowNumbers ? spanOf(rowNumbers, start, end) : [start, end]
        const range = { rowStart, rowEnd }
        const rows =
          there.length === 0 || rowStart === rowEnd
            ? Array.from({ length: rowEnd - rowStart }, () => ({}))
            : await reading(() => parquetReadObjects({ file, metadata, columns: there, compressors, parsers, ...range }))
        for (const [index, row] of rows.entries())
          if (rowNumbers?.has(rowStart + index) ?? true) yield plain(restore(row)) as Record<string, unknown>
        start = end
      }
    },
  }
}
