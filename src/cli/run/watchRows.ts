import { concat, mergeMap, of, tap, throwError } from 'rxjs'
import type { Row, Run } from '../../core/run.js'
import { RunFailed } from './runSummary.js'

/** Reports each row of a run as it comes, and each row that is skipped because the output has it already. */
export const watchRows = (run: Run, { onSkip, onRow }: Readonly<{ onSkip: () => void; onRow: (row: Row) => void }>): Run => ({
  ...run,
  deliveries: (options = {}) =>
    run
      .deliveries({
        ...options,
        done: (key) => {
          const isDone = options.done?.(key) ?? false
          if (isDone) onSkip()
          return isDone
        },
      })
      .pipe(tap(({ row }) => onRow(row))),
})

/** Makes a run fail after its first error row. */
export const stopAtError = (run: Run): Run => ({
  ...run,
  deliveries: (options) =>
    run.deliveries(options).pipe(
      mergeMap((delivery) => {
        const { id, finishReason, error } = delivery.row
        if (finishReason !== 'error') return of(delivery)
        const failure = () => new RunFailed(`Stopped at the first error row (--strict): \`${id}\`: ${error}`)
        return concat(of(delivery), throwError(failure))
      }),
    ),
})
