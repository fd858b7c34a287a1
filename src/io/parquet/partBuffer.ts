import { endsRun, messageOf } from '../../core/errors.js'
import type { Row, RunMeta } from '../../core/run.js'
import type { Columns } from './columns.js'
import { encodeRecords } from './encodeParquet.js'
import { recordBuffer } from './recordBuffer.js'
import { columnNames, columnsOf, recordOf } from './rowColumns.js'
import { RUN_KEY } from './runMeta.js'

/** Rows of a part file that is not written yet. */
export interface PartBuffer {
  /**
   * Keeps the row. If a value is not of its column's type, an error row that names the column takes its place.
   *
   * @returns the row that it keeps
   * @throws OutputError if not even the error row fits, because it has no id, for example
   */
  add(row: Row): Row
  readonly rows: number
  /** Bytes that they take here. */
  readonly bytes: number
  /** Gives the bytes of the part file, and forgets its rows. */
  take(): Uint8Array
}

/** The error row in the place of a row with a value that does not fit. It keeps what a row has before it is decoded. */
const errorRowOf = (
  { id, sample, prompt, userMessage, seed, startedAt, durationMs, promptHash, input }: Row,
  error: string,
): Row => ({
  ...{ id, sample, startedAt, durationMs, promptHash, error },
  prompt: typeof prompt === 'string' ? prompt : null,
  ...(typeof userMessage === 'string' && { userMessage }),
  seed: Number.isSafeInteger(seed) ? seed : null,
  ...(typeof input === 'object' && { input }),
  finishReason: 'error',
  completion: null,
  promptTokenIds: null,
  tokenIds: null,
  reward: null,
  rewards: null,
  logits: null,
  scores: null,
  promptTokens: null,
  completionTokens: null,
})

/** Keeps rows as columns, which take a fraction of the rows' memory. */
export function partBuffer(meta: RunMeta): PartBuffer {
  const buffer = recordBuffer()
  const own = columnsOf(new Set(columnNames(meta)))
  let columns: Columns = own
  let rows = 0
  const put = (row: Row): void => {
    const record = recordOf(row)
    let wider = columns
    for (const name in record) if (!(name in wider)) wider = columnsOf(new Set([...Object.keys(columns), ...Object.keys(record)]))
    buffer.add(wider, record)
    columns = wider
    rows++
  }
  return {
    get rows() {
      return rows
    },
    get bytes() {
      return buffer.bytes()
    },
    add(row) {
      try {
        put(row)
        return row
      } catch (error) {
        if (endsRun(error)) throw error
        const failed = errorRowOf(row, messageOf(error))
        put(failed)
        return failed
      }
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
