import { concat, mergeMap, of, throwError } from 'rxjs'
import type { Run } from '../../core/run.js'
import { RunFailed } from './writeOutput.js'

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
