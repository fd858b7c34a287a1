import parquet from 'parquetjs-lite'
import { OutputError } from '../../core/errors.js'
import { stringifyExactly } from '../exactJson.js'

/** Types of columns. `JSON` takes every JSON value. */
export type ColumnType = 'UTF8' | 'JSON' | 'INT32' | 'INT64' | 'FLOAT' | 'DOUBLE' | 'TIMESTAMP_MILLIS'

/** A column: its type, how many lists deep its values are, and whether each row must have one. */
export type Column = Readonly<{ type: ColumnType; lists?: 0 | 1 | 2; required?: boolean }>

export type Columns = Readonly<Record<string, Column>>

/** Rows of a row group. A part file seldom has more, so that it is one row group. */
const ROW_GROUP = 1000

/** How pages are compressed. All readers know it. Part files of one folder may differ. */
const CODEC = 'GZIP'

type Field = ConstructorParameters<typeof parquet.ParquetSchema>[0][string]

/** Writes no statistics. The library orders text in another way than readers do, and readers skipped rows because of it. */
function fieldOf({ type, lists = 0, required = false }: Column): Field {
  const optional = !required
  if (lists === 0) return { type: type === 'JSON' ? 'UTF8' : type, optional, compression: CODEC, statistics: false }
  const element = fieldOf({ type, lists: lists === 2 ? 1 : 0 })
  return { type: 'LIST', optional, fields: { list: { repeated: true, fields: { element } } } }
}

const leaves: Readonly<Record<ColumnType, (value: unknown) => boolean>> = {
  UTF8: (value) => typeof value === 'string',
  JSON: (value) => typeof value === 'object',
  INT32: (value) => Number.isInteger(value) && Math.abs(value as number) < 2 ** 31,
  INT64: (value) => Number.isSafeInteger(value),
  FLOAT: (value) => typeof value === 'number',
  DOUBLE: (value) => typeof value === 'number',
  TIMESTAMP_MILLIS: (value) => value instanceof Date && value.getTime() >= 0,
}

/** Checks a value, because the library coerces silently. Numbers that are not finite become null, as the library knows no NaN. */
function leafOf(value: unknown, type: ColumnType, name: string): unknown {
  if (value === null || value === undefined) return undefined
  if (typeof value === 'number' && !Number.isFinite(value)) return undefined
  if (leaves[type](value)) return type === 'JSON' ? stringifyExactly(value) : value
  throw new OutputError(`Expected \`${name}\` to be ${type}, got \`${String(value)}\` (${typeof value})`)
}

function cellOf(value: unknown, { type, lists = 0 }: Column, name: string): unknown {
  if (lists === 0 || value === null || value === undefined) return leafOf(value, type, name)
  if (!Array.isArray(value))
    throw new OutputError(`Expected \`${name}\` to be a list, got \`${String(value)}\` (${typeof value})`)
  const inner: Column = { type, lists: lists === 2 ? 1 : 0 }
  return { list: value.map((item) => ({ element: cellOf(item, inner, name) })) }
}

/**
 * Encodes records as one Parquet file. Numbers that are not finite become null.
 *
 * The bytes are collected in memory. The library does not wait for its first write, so an error such as a full disk would be lost. One part
 * file fits, and its pages were in memory anyway.
 *
 * @throws OutputError if a value is not of its column's type
 */
export async function encodeParquet(
  columns: Columns,
  records: Iterable<Readonly<Record<string, unknown>>>,
  metadata: Readonly<Record<string, string>>,
): Promise<Uint8Array> {
  const entries = Object.entries(columns)
  const schema = new parquet.ParquetSchema(Object.fromEntries(entries.map(([name, column]) => [name, fieldOf(column)])))
  const chunks: Uint8Array[] = []
  const sink = {
    write(bytes: Uint8Array, done: () => void) {
      chunks.push(bytes)
      done()
    },
    end: (done: () => void) => done(),
  }
  const writer = await parquet.ParquetWriter.openStream(schema, sink, {
    useDataPageV2: false,
    pageIndex: false,
    rowGroupSize: ROW_GROUP,
  })
  for (const [key, value] of Object.entries(metadata)) writer.setMetadata(key, value)
  for (const record of records) {
    const cells = entries.map(([name, column]) => [name, cellOf(record[name], column, name)] as const)
    const missing = entries.find(([name, { required }]) => required && (record[name] === undefined || record[name] === null))
    if (missing) throw new OutputError(`Expected each row to have \`${missing[0]}\``)
    await writer.appendRow(Object.fromEntries(cells))
  }
  // The library would write JSON by JSON.stringify, which rounds numbers. So the text is made here, and the footer calls the column JSON.
  for (const [name, { type }] of entries) if (type === 'JSON') schema.fields[name]!.originalType = 'JSON'
  await writer.close()
  return Buffer.concat(chunks)
}
