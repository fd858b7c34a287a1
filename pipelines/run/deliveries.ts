import {
  AsyncSubject,
  catchError,
  concat,
  defer,
  EMPTY,
  finalize,
  fromEvent,
  ignoreElements,
  map,
  merge,
  mergeMap,
  type Observable,
  of,
  repeat,
  Subject,
  startWith,
  switchMap,
  take,
  takeUntil,
  tap,
  throwError,
} from 'rxjs'
import type { Delivery, Row, Run, RunMeta } from '../../src/core/run.js'

/**
 * Pulls jobs and makes their rows, `concurrency` at a time at most: each place pulls by itself, and is free for the next job when
 * its row was taken. Places are opened as jobs come, one when none is left that waits for a job, so that a high limit costs nothing by
 * itself. When the source fails, the run fails after the rows under way have been delivered.
 */
export function delivered<Job>(
  source: AsyncIterator<Job>,
  rowOf: (job: Job) => Observable<Row>,
  concurrency: number,
): Observable<Delivery> {
  const openings = new Subject<void>()
  let waiting = 0
  let ended = false
  let failure: Readonly<{ error: unknown }> | undefined
  const end = (): Observable<never> => {
    ended = true
    openings.complete()
    return EMPTY
  }
  const next = defer(() => {
    waiting++
    return source.next()
  }).pipe(
    catchError((error: unknown) => {
      failure ??= { error }
      return end()
    }),
  )
  const place = next.pipe(
    mergeMap((job) => {
      if (job.done) return end()
      if (--waiting === 0) openings.next()
      return rowOf(job.value).pipe(mergeMap(withReceipt))
    }),
    repeat({ delay: () => (ended ? EMPTY : of(true)) }),
  )
  return concat(
    openings.pipe(
      startWith(undefined),
      take(concurrency),
      mergeMap(() => place),
    ),
    defer(() => (failure ? throwError(() => failure?.error) : EMPTY)),
  ).pipe(
    finalize(() => {
      // A source that is waiting for input may never answer: nobody waits for it.
      Promise.resolve(source.return?.()).catch(() => {})
    }),
  )
}

/** A row with its receipt; completes when it was taken. */
function withReceipt(row: Row): Observable<Delivery> {
  const receipt = new AsyncSubject<never>()
  return merge(of({ row, taken: () => receipt.complete() }), receipt.pipe(ignoreElements()))
}

/** Errors with the signal's reason when it is aborted, after the source was unsubscribed and has freed what it held. */
export const abortable = <T>(source: Observable<T>, signal: AbortSignal | undefined): Observable<T> =>
  signal === undefined
    ? source
    : defer(() => {
        const done = new Subject<void>()
        const aborted = throwError((): unknown => signal.reason)
        if (signal.aborted) return aborted
        return fromEvent(signal, 'abort').pipe(
          takeUntil(done),
          startWith(undefined),
          switchMap(() => (signal.aborted ? aborted : source.pipe(tap({ complete: () => done.next() })))),
        )
      })

/** Rows for `for await`: each is taken when the next one is asked for; leaving the loop cancels what is under way. */
async function* iterated(deliveries: Observable<Delivery>): AsyncGenerator<Row, void> {
  const arrived: Delivery[] = [] // no more than there are places
  let wake = (): void => {}
  let end: Readonly<{ error?: unknown; failed: boolean }> | undefined
  const subscription = deliveries.subscribe({
    next: (delivery) => {
      arrived.push(delivery)
      wake()
    },
    error: (error: unknown) => {
      end = { error, failed: true }
      wake()
    },
    complete: () => {
      end = { failed: false }
      wake()
    },
  })
  try {
    for (;;) {
      const delivery = arrived.shift()
      if (delivery) {
        yield delivery.row
        delivery.taken()
      } else if (end) {
        if (end.failed) throw end.error
        return
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  } finally {
    subscription.unsubscribe()
  }
}

/** A run over its deliveries. */
export const runOf = (meta: RunMeta, deliveries: Run['deliveries']): Run => ({
  meta,
  deliveries,
  rows: (options) =>
    deliveries(options).pipe(
      map(({ row, taken }) => {
        taken()
        return row
      }),
    ),
  [Symbol.asyncIterator]: () => iterated(deliveries()),
})
