import { tap } from 'rxjs'
import type { Row, Run } from '../../core/run.js'

/** The same run, telling of each row as it comes, and of those that are left out because they are there already. */
export const watched = (run: Run, { onSkip, onRow }: Readonly<{ onSkip: () => void; onRow: (row: Row) => void }>): Run => ({
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
