import { ByteWriter } from 'hyparquet-writer'
import { OutputError } from '../../core/errors.js'
import { type Column, type ColumnType, leafCheck } from './columns.js'

/** Buffers that have grown over this many bytes are not kept for the next rows. */
const KEPT_BYTES = 1 << 20

/** Appends a value in Parquet's PLAIN encoding. */
type Append = (bytes: ByteWriter, value: never) => void

const encoder = new TextEncoder()

/** Encodes the text in its place: a copy of each text would take half of the time. */
function appendText(bytes: ByteWriter, text: string): void {
  bytes.ensure(4 + 3 * text.length)
  const { written } = encoder.encodeInto(text, new Uint8Array(bytes.buffer, bytes.index + 4))
  bytes.appendUint32(written)
  bytes.offset += written
  bytes.index += written
}

const appends: Readonly<Record<ColumnType, Append>> = {
  UTF8: appendText,
  JSON: appendText,
  INT32: (bytes, value) => bytes.appendInt32(value),
  INT64: (bytes, value) => bytes.appendInt64(BigInt(value)),
  FLOAT: (bytes, value) => bytes.appendFloat32(value),
  DOUBLE: (bytes, value) => bytes.appendFloat64(value),
  TIMESTAMP_MILLIS: (bytes, value: Date) => bytes.appendInt64(BigInt(value.getTime())),
}

/** The values of a column, as a page of a file holds them. */
export type Page = Readonly<{
  /** Values that are there, in Parquet's PLAIN encoding. */
  values: Uint8Array
  /** For each place, also without a value: how deep it is defined, and in which list it continues. Empty if each place is the same. */
  definition: Uint8Array
  repetition: Uint8Array
  /** The levels of a value that is there: how deep it is defined, and how many lists it is in. */
  mostDefined: number
  mostRepeated: number
  places: number
  nulls: number
}>

/** Values of a column that come row by row. They take a fraction of the memory of the rows, and the garbage collector does not see them. */
export interface ColumnBuffer {
  readonly rows: number
  /** Bytes of the values and their levels. */
  readonly bytes: number
  /**
   * Appends the next row's value. Numbers that are not finite become null.
   *
   * @throws OutputError if it is not of the column's type, or missing where each row must have one
   */
  add(value: unknown): void
  /** Takes back what the last `add` has appended, also if it threw. */
  undo(): void
  /** The values so far. It is valid until the next change. */
  page(): Page
  /** Forgets all rows, and keeps the memory for others. */
  clear(): void
}

export function columnBuffer(name: string, { type, lists = 0, required = false }: Column): ColumnBuffer {
  const check = leafCheck(type, name)
  const append = appends[type]
  // A list adds a level if it is there, one for each element, and one if the element is there.
  const mostDefined = 2 * lists + (required ? 0 : 1)
  let [values, definition, repetition] = [new ByteWriter(), new ByteWriter(), new ByteWriter()]
  let [rows, places, nulls] = [0, 0, 0]
  /** Where the last row begins. */
  const start = { rows: 0, places: 0, nulls: 0, values: 0, definition: 0, repetition: 0 }

  const missing = () => new OutputError(`Expected each row to have \`${name}\``)

  const mark = (defined: number, repeated: number): void => {
    places++
    if (defined < mostDefined) nulls++
    if (mostDefined > 0) definition.appendUint8(defined)
    if (lists > 0) repetition.appendUint8(repeated)
  }

  /** `defined` is the level of a value that is missing here. */
  const put = (value: unknown, depth: number, defined: number, repeated: number): void => {
    if (value === null || value === undefined) mark(defined, repeated)
    else if (depth === lists) {
      const checked = check(value)
      if (checked !== null) append(values, checked as never)
      else if (defined < 0) throw missing()
      mark(checked === null ? defined : defined + 1, repeated)
    } else if (!Array.isArray(value))
      throw new OutputError(`Expected \`${name}\` to be a list, got \`${String(value)}\` (${typeof value})`)
    else if (value.length === 0) mark(defined + 1, repeated)
    else for (let at = 0; at < value.length; at++) put(value[at], depth + 1, defined + 2, at === 0 ? repeated : depth + 1)
  }

  const cut = (bytes: ByteWriter, length: number): void => {
    bytes.offset = length
    bytes.index = length
  }
  const emptied = (bytes: ByteWriter): ByteWriter => {
    if (bytes.buffer.byteLength > KEPT_BYTES) return new ByteWriter()
    cut(bytes, 0)
    return bytes
  }

  return {
    get rows() {
      return rows
    },
    get bytes() {
      return values.offset + definition.offset + repetition.offset
    },
    add(value) {
      start.rows = rows
      start.places = places
      start.nulls = nulls
      start.values = values.offset
      start.definition = definition.offset
      start.repetition = repetition.offset
      if (required && (value === null || value === undefined)) throw missing()
      put(value, 0, required ? -1 : 0, 0)
      rows++
    },
    undo() {
      rows = start.rows
      places = start.places
      nulls = start.nulls
      cut(values, start.values)
      cut(definition, start.definition)
      cut(repetition, start.repetition)
    },
    page: () => ({
      ...{ values: values.getBytes(), definition: definition.getBytes(), repetition: repetition.getBytes() },
      ...{ mostDefined, mostRepeated: lists, places, nulls },
    }),
    clear() {
      values = emptied(values)
      definition = emptied(definition)
      repetition = emptied(repetition)
      rows = 0
      places = 0
      nulls = 0
    },
  }
}
