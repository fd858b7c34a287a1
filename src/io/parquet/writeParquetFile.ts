import { type FileHandle, open } from 'node:fs/promises'
import parquet from 'parquetjs-lite'
import { messageOf, OutputError } from '../../core/errors.js'
import { CODEC, type Column, type Columns, checkOf, ROW_GROUP } from './columns.js'
import { SEAL_KEY, sealFile, UNSEALED } from './seal.js'

type Field = ConstructorParameters<typeof parquet.ParquetSchema>[0][string]

/** Writes no statistics. The library orders text in another way than readers do, and readers skipped rows because of it. */
function fieldOf({ type, lists = 0, required = false }: Column): Field {
  const optional = !required
  if (lists === 0) return { type: type === 'JSON' ? 'UTF8' : type, optional, compression: CODEC, statistics: false }
  const element = fieldOf({ type, lists: lists === 2 ? 1 : 0 })
  return { type: 'LIST', optional, fields: { list: { repeated: true, fields: { element } } } }
}

/** The library's form of a checked cell: lists as groups, nothing for null. */
function groupsOf(cell: unknown): unknown {
  if (cell === null) return undefined
  return Array.isArray(cell) ? { list: cell.map((element) => ({ element: groupsOf(element) })) } : cell
}

/**
 * Writes records as one Parquet file, one after another, and seals it. A row group is in memory, so a file may have any size; `encodeParquet` is
 * several times as fast. Numbers that are not finite become null.
 *
 * @param path a file that is not there
 * @throws OutputError if a value is not of its column's type, or the file cannot be written
 */
export async function writeParquetFile(
  path: string,
  columns: Columns,
  records: AsyncIterable<Readonly<Record<string, unknown>>>,
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  const failed = (error: unknown): never => {
    throw error instanceof OutputError ? error : new OutputError(`Expected to write ${path}: ${messageOf(error)}`)
  }
  const handle = await open(path, 'wx').catch(failed)
  try {
    await writeRecords(handle, columns, records, metadata)
    await handle.sync().catch(failed)
  } finally {
    await handle.close()
  }
  await sealFile(path).catch(failed)
}

async function writeRecords(
  handle: FileHandle,
  columns: Columns,
  records: AsyncIterable<Readonly<Record<string, unknown>>>,
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  const entries = Object.entries(columns)
  const schema = new parquet.ParquetSchema(Object.fromEntries(entries.map(([name, column]) => [name, fieldOf(column)])))
  // The library does not wait for its first write, so an error such as a full disk is kept and thrown at the next row.
  let failure: Readonly<{ error: unknown }> | undefined
  const check = (): void => {
    if (failure) throw failure.error
  }
  let writing: Promise<unknown> = Promise.resolve()
  const sink = {
    write(bytes: Uint8Array, done: () => void) {
      writing = writing
        .then(() => (failure ? undefined : handle.writeFile(bytes)))
        .catch((error: unknown) => {
          failure ??= { error: new OutputError(`Expected to write all rows: ${messageOf(error)}`) }
        })
        .then(done)
    },
    end: (done: () => void) => void writing.then(done),
  }
  const writer = await parquet.ParquetWriter.openStream(schema, sink, {
    useDataPageV2: false,
    pageIndex: false,
    rowGroupSize: ROW_GROUP,
  })
  for (const [key, value] of Object.entries({ ...metadata, [SEAL_KEY]: UNSEALED })) writer.setMetadata(key, value)
  const checks = entries.map(([name, column]) => [name, checkOf(column, name)] as const)
  for await (const record of records) {
    await writer.appendRow(Object.fromEntries(checks.map(([name, check]) => [name, groupsOf(check(record[name]))])))
    check()
  }
  // The library would write JSON by JSON.stringify, which rounds numbers. So the cells are text, and the footer calls the column JSON.
  for (const [name, { type }] of entries) if (type === 'JSON') schema.fields[name]!.originalType = 'JSON'
  await writer.close()
  await writing
  check()
}
