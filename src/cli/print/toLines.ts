import type { Run } from '../../core/run.js'
import { recordOf } from '../../io/parquet/rowColumns.js'
import { rowToJson } from '../../io/rowToJson.js'
import type { Summary } from '../../io/toParquet.js'
import { writeLine } from '../terminal.js'

/** Writes a run's rows as JSONL, as fast as the reader takes them. */
export function toLines(run: Run, stream: NodeJS.WritableStream, signal: AbortSignal): Promise<Summary> {
  let [written, errors] = [0, 0]
  let writing = Promise.resolve()
  return new Promise((resolve, reject) => {
    const subscription = run.deliveries({ signal }).subscribe({
      next({ row, taken }) {
        written++
        if (row.finishReason === 'error') errors++
        writing = writing.then(() => writeLine(stream, rowToJson(recordOf(row)), signal)).then(taken)
        writing.catch((error: unknown) => {
          subscription.unsubscribe()
          reject(error)
        })
      },
      error: reject,
      complete: () => {
        writing.then(() => resolve({ written, errors, skipped: 0, files: [] }), reject)
      },
    })
  })
}
