import { type ColumnBuffer, columnBuffer, type Page } from './columnBuffer.js'
import { type Column, type Columns, ROW_GROUP } from './columns.js'

/** A row group ends early at this many bytes, because a page has less than 2 GiB. */
const MOST_BYTES = 1 << 28

/** A row group and the values of each of its columns. */
export type RowGroup = Readonly<{ rows: number; page: (name: string, column: Column) => Page }>

/** Records of a file that is not written yet, as columns. */
export interface RecordBuffer {
  /**
   * Appends a record, all of it or nothing. It may have columns that earlier ones did not have.
   *
   * @throws OutputError if a value is not of its column's type
   */
  add(columns: Columns, record: Readonly<Record<string, unknown>>): void
  groups(): readonly RowGroup[]
  /** Bytes of the values so far. */
  bytes(): number
  /** Forgets all records, and keeps memory for others. */
  clear(): void
}

type Group = {
  rows: number
  bytes: number
  readonly buffers: Map<string, ColumnBuffer>
  /** The columns of the last record, and their buffers in the same order. */
  columns?: Columns
  inOrder: readonly (readonly [name: string, buffer: ColumnBuffer])[]
}

/** Finds or makes the buffer of a column. The rows before it have no value there. */
function bufferOf({ buffers, rows }: Group, name: string, column: Column): ColumnBuffer {
  let buffer = buffers.get(name)
  if (!buffer) {
    buffer = columnBuffer(name, column)
    buffers.set(name, buffer)
  }
  while (buffer.rows < rows) buffer.add(null)
  return buffer
}

export function recordBuffer(): RecordBuffer {
  let groups: Group[] = []
  let last: Group | undefined

  return {
    add(columns, record) {
      if (!last || last.rows === ROW_GROUP || last.bytes > MOST_BYTES) {
        last = { rows: 0, bytes: 0, buffers: new Map(), inOrder: [] }
        groups.push(last)
      }
      const group = last
      if (group.columns !== columns) {
        group.columns = columns
        group.inOrder = Object.entries(columns).map(([name, column]) => [name, bufferOf(group, name, column)])
      }
      let bytes = 0
      let begun = 0
      try {
        for (const [name, buffer] of group.inOrder) {
          begun++
          const before = buffer.bytes
          buffer.add(record[name])
          bytes += buffer.bytes - before
        }
      } catch (error) {
        for (const [, buffer] of group.inOrder.slice(0, begun)) buffer.undo()
        throw error
      }
      group.bytes += bytes
      group.rows++
    },
    groups: () =>
      // The last one has no rows if its first record did not fit.
      groups
        .filter((group) => group.rows > 0)
        .map((group) => ({ rows: group.rows, page: (name, column) => bufferOf(group, name, column).page() })),
    bytes: () => groups.reduce((sum, { bytes }) => sum + bytes, 0),
    clear() {
      groups = groups.slice(0, 1)
      last = groups[0]
      if (!last) return
      for (const buffer of last.buffers.values()) buffer.clear()
      last.rows = 0
      last.bytes = 0
    },
  }
}
