import type { Row, RunMeta } from '../../core/run.js'
import type { Columns } from './columns.js'
import { encodeRecords } from './encodeParquet.js'
import { recordBuffer } from './recordBuffer.js'
import { columnNames, columnsOf, recordOf } from './rowColumns.js'
import { RUN_KEY } from './runMeta.js'

/** Rows of a part file that is not written yet. */
export interface PartBuffer {
  /** @throws OutputError if a value of the row is not of its column's type */
  add(row: Row): void
  readonly rows: number
  /** Bytes that they take here. */
  readonly bytes: number
  /** Gives the bytes of the part file, and forgets its rows. */
  take(): Uint8Array
}

/** Keeps rows as columns, which take a fraction of the rows' memory. */
export function partBuffer(meta: RunMeta): PartBuffer {
  const buffer = recordBuffer()
  const own = columnsOf(new Set(columnNames(meta)))
  let columns: Columns = own
  let rows = 0
  return {
    get rows() {
      return rows
    },
    get bytes() {
      return buffer.bytes()
    },
    add(row) {
      const record = recordOf(row)
      for (const name in record)
        if (!(name in columns)) columns = columnsOf(new Set([...Object.keys(columns), ...Object.keys(record)]))
      buffer.add(columns, record)
      rows++
    },
    take() {
      const bytes = encodeRecords(columns, buffer, { [RUN_KEY]: JSON.stringify(meta) })
      buffer.clear()
      columns = own
      rows = 0
      return bytes
    },
  }
}

/** The bytes of a part file with these rows. */
export function encodePart(rows: readonly Row[], meta: RunMeta): Uint8Array {
  const buffer = partBuffer(meta)
  for (const row of rows) buffer.add(row)
  return buffer.take()
}
