import { gzipSync } from 'node:zlib'
import type { ColumnChunk, SchemaElement } from 'hyparquet'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { writePageHeader } from 'hyparquet-writer/src/datapage.js'
import { writeRleBitPackedHybrid } from 'hyparquet-writer/src/encoding.js'
import type { Page } from './columnBuffer.js'
import { CODEC, type Column, type Columns, type ColumnType } from './columns.js'
import { type RecordBuffer, recordBuffer } from './recordBuffer.js'
import { SEAL_KEY, seal, UNSEALED } from './seal.js'

const physical = {
  UTF8: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  JSON: { type: 'BYTE_ARRAY', converted_type: 'JSON' },
  INT32: { type: 'INT32' },
  INT64: { type: 'INT64' },
  FLOAT: { type: 'FLOAT' },
  DOUBLE: { type: 'DOUBLE' },
  TIMESTAMP_MILLIS: { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' },
} as const satisfies Readonly<Record<ColumnType, Omit<SchemaElement, 'name'>>>

/** With level 6, the default, a part takes 20% to 40% more time and is 3% smaller. */
const GZIP_LEVEL = 1

/** Schema of a column. A list is the group of three levels that every reader knows. */
function elementsOf(name: string, { type, lists = 0, required = false }: Column): SchemaElement[] {
  const repetition = required ? 'REQUIRED' : 'OPTIONAL'
  if (lists === 0) return [{ name, repetition_type: repetition, ...physical[type] }]
  return [
    { name, repetition_type: repetition, num_children: 1, converted_type: 'LIST' },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    ...elementsOf('element', { type, lists: lists === 2 ? 1 : 0 }),
  ]
}

type Records = readonly Readonly<Record<string, unknown>>[]

/**
 * Encodes records as one Parquet file, in memory, and seals it. `writeParquetFile` is for more rows than fit there. Numbers that are not finite become null.
 *
 * @throws OutputError if a value is not of its column's type
 */
export function encodeParquet(columns: Columns, records: Records, metadata: Readonly<Record<string, string>>): Uint8Array {
  const buffer = recordBuffer()
  for (const record of records) buffer.add(columns, record)
  return encodeRecords(columns, buffer, metadata)
}

/** Does as `encodeParquet` with records of these columns that have come one after another. */
export function encodeRecords(columns: Columns, buffer: RecordBuffer, metadata: Readonly<Record<string, string>>): Uint8Array {
  const entries = Object.entries(columns)
  const schema = entries.map(([name, column]) => elementsOf(name, column))
  const bytes = new ByteWriter()
  const writer = new ParquetWriter({
    writer: bytes,
    schema: [{ name: 'root', num_children: entries.length }, ...schema.flat()],
    kvMetadata: Object.entries({ ...metadata, [SEAL_KEY]: UNSEALED }).map(([key, value]) => ({ key, value })),
  })
  for (const { rows, page } of buffer.groups()) {
    const start = bytes.offset
    const chunks = entries.map(([name, column], at) => {
      const path = schema[at]!.map((element) => element.name)
      return writeChunk(bytes, page(name, column), { rows, path, type: physical[column.type].type })
    })
    writer.num_rows += BigInt(rows)
    writer.row_groups.push({
      columns: chunks.map((meta_data) => ({ meta_data, file_offset: meta_data.data_page_offset })),
      num_rows: BigInt(rows),
      total_byte_size: chunks.reduce((sum, { total_uncompressed_size: size }) => sum + size, 0n),
      total_compressed_size: BigInt(bytes.offset - start),
    })
  }
  writer.finish()
  return seal(bytes.getBytes())
}

type Chunk = NonNullable<ColumnChunk['meta_data']>
type ChunkOf = Readonly<{ rows: number; path: string[]; type: Chunk['type'] }>

/**
 * Writes the values of a column in a row group as one page, and returns its place. The library would look for repeated values and walk through each
 * list again, which takes most of the time of a part. Gzip finds repeated values as well.
 */
function writeChunk(bytes: ByteWriter, page: Page, { rows, path, type }: ChunkOf): Chunk {
  const { values, definition, repetition, mostDefined, mostRepeated, places, nulls } = page
  const levels = new ByteWriter()
  const repeated = writeLevels(levels, repetition, mostRepeated)
  const defined = writeLevels(levels, definition, mostDefined)
  const compressed = gzipSync(values, { level: GZIP_LEVEL })
  const start = bytes.offset
  writePageHeader(bytes, {
    type: 'DATA_PAGE_V2',
    uncompressed_page_size: levels.offset + values.length,
    compressed_page_size: levels.offset + compressed.length,
    data_page_header_v2: {
      num_values: places,
      num_nulls: nulls,
      num_rows: rows,
      encoding: 'PLAIN',
      definition_levels_byte_length: defined,
      repetition_levels_byte_length: repeated,
      is_compressed: true,
    },
  })
  const header = bytes.offset - start
  bytes.appendBytes(levels.getBytes())
  bytes.appendBytes(compressed)
  return {
    type,
    encodings: ['PLAIN'],
    path_in_schema: path,
    codec: CODEC,
    num_values: BigInt(places),
    total_uncompressed_size: BigInt(header + levels.offset + values.length),
    total_compressed_size: BigInt(bytes.offset - start),
    data_page_offset: BigInt(start),
  }
}

const writeLevels = (bytes: ByteWriter, levels: Uint8Array, most: number): number =>
  most === 0 ? 0 : writeRleBitPackedHybrid(bytes, levels, Math.ceil(Math.log2(most + 1)))
