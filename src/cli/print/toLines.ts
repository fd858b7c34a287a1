import type { Run } from '../../core/run.js'
import { columnNames, columnsOf, recordOf } from '../../io/parquet/rowColumns.js'
import type { Summary } from '../../io/toParquet.js'
import { writeLine } from '../terminal.js'
import { checkColumnNames, type RowLines, rowLine } from './rowLines.js'

/**
 * Writes the rows of a run as JSONL or text, at the speed of the reader.
 *
 * @throws InputError for a column that the rows do not have
 */
export async function toLines(
  run: Run,
  stream: NodeJS.WritableStream,
  { signal, ...lines }: RowLines & Readonly<{ signal: AbortSignal }>,
): Promise<Summary> {
  const columns = Object.keys(columnsOf(new Set(columnNames(run.meta))))
  checkColumnNames(lines.columns ?? [], columns, 'these rows')
  const line = rowLine(lines)
  let [written, errors] = [0, 0]
  let writing = Promise.resolve()
  return new Promise((resolve, reject) => {
    const subscription = run.deliveries({ signal }).subscribe({
      next({ row, taken }) {
        written++
        if (row.finishReason === 'error') errors++
        writing = writing.then(() => writeLine(stream, line(recordOf(row)), signal)).then(taken)
        writing.catch((error: unknown) => {
          subscription.unsubscribe()
          reject(error)
        })
      },
      error: (error: unknown) => {
        // Rows before the error are written first.
        writing.then(() => reject(error), reject)
      },
      complete: () => {
        writing.then(() => resolve({ written, errors, skipped: 0, skippedErrors: 0, files: [] }), reject)
      },
    })
  })
}
