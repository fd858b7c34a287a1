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
import type { RunObserver } from '../../src/core/observe/observer.js'
import type { Delivery, Row, RowsOptions, Run, RunMeta } from '../../src/core/run.js'

/**
 * Pulls jobs and makes their rows, at most `concurrency` at a time. Each place pulls a job itself, and becomes free when its row is taken. A
 * new place opens when no place waits for a job, so a high limit costs nothing by itself. If the source fails, the run first delivers its
 * running rows and then fails.
 */
export function deliver<Job>(
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
      // A source that waits for input may never answer, so do not wait for it.
      Promise.resolve(source.return?.()).catch(() => {})
    }),
  )
}

/** Tells of each row that is done already. */
export const tellSkips = (done: RowsOptions['done'], onSkip: RunObserver['onSkip']): RowsOptions['done'] =>
  done && onSkip
    ? (row) => {
        const isDone = done(row)
        if (isDone) onSkip({ id: row.id, sample: row.sample })
        return isDone
      }
    : done

/** Emits a row with its receipt and completes when the row is taken. */
function withReceipt(row: Row): Observable<Delivery> {
  const receipt = new AsyncSubject<never>()
  return merge(of({ row, taken: () => receipt.complete() }), receipt.pipe(ignoreElements()))
}

/** On abort, unsubscribes the source, which frees its resources, and then errors with the signal's reason. */
export const abortOn = <T>(source: Observable<T>, signal: AbortSignal | undefined): Observable<T> =>
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

/** Iterates over rows. A row is taken when the loop asks for the next one; leaving the loop cancels running rows. */
async function* iterate(deliveries: Observable<Delivery>): AsyncGenerator<Row, void> {
  const arrived: Delivery[] = [] // at most one per place
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

/** Makes a run of its metadata and deliveries. */
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
  [Symbol.asyncIterator]: () => iterate(deliveries()),
})
