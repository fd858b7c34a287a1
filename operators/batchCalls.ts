import type { ObservableInput, OperatorFunction, Subscriber } from 'rxjs'
import { asapScheduler, defaultIfEmpty, defer, mergeMap, Observable, take } from 'rxjs'
import * as z from 'zod'
import { ShapeError } from '../src/core/errors.js'
import { nextBatch } from '../src/core/nextBatch.js'
import { parseOptions } from '../src/core/parseOptions.js'

/** One finished batch: how many calls it had, how many stayed in the queue when it went, and how long it took. */
export type BatchReport = Readonly<{ size: number; waiting: number; durationMs: number }>

export const batchCallsOptions = z.strictObject({
  maxBatch: z.int().min(1).describe('an integer >= 1'),
  onBatch: z
    .custom<(report: BatchReport) => void>((value) => typeof value === 'function')
    .optional()
    .describe('a function'),
})
export type BatchCallsOptions = z.input<typeof batchCallsOptions>

type Waiter<Call, Result> = Readonly<{ call: Call; caller: Subscriber<Result> }>

/**
 * Turns a batched call into a stream operator: calls in, results out as they come. One queue is shared by every stream that
 * flows through the same instance. A caller that unsubscribes leaves it.
 *
 * - `run`: up to `maxBatch` calls in, one result a call out, in their order; one batch is in flight at a time
 * - errors: `OptionError` at call time; a failing batch errors its own callers only, a wrong number of results by `ShapeError`
 *
 * Dispatch hops through `asapScheduler`: calls made together go together, and loops over synchronous models keep a flat stack.
 *
 * @example const scheduled = batchCalls(model.run, { maxBatch: 16 }); of(call).pipe(scheduled)
 */
export function batchCalls<Call, Result>(
  run: (calls: readonly Call[]) => ObservableInput<readonly Result[]>,
  options: BatchCallsOptions,
): OperatorFunction<Call, Result> {
  const { maxBatch, onBatch } = parseOptions(batchCallsOptions, options)
  const waiting = new Set<Waiter<Call, Result>>()
  let busy = false // from the hop until the batch is done

  const wake = (): void => {
    if (!busy && waiting.size > 0) asapScheduler.schedule(dispatch)
    busy ||= waiting.size > 0
  }
  const dispatch = (): void => {
    const { batch, rest } = nextBatch([...waiting], maxBatch)
    for (const waiter of batch) waiting.delete(waiter)
    const startedAt = asapScheduler.now()
    const settle = (route: (waiter: Waiter<Call, Result>, index: number) => void): void => {
      const durationMs = asapScheduler.now() - startedAt
      busy = false
      batch.forEach(route) // what the callers ask for next joins the queue here, before the next hop
      wake()
      if (batch.length > 0) onBatch?.({ size: batch.length, waiting: rest.length, durationMs })
    }
    const fail = (error: unknown): void => settle(({ caller }) => caller.error(error))
    const answer = (results: readonly Result[]): void => {
      if (results?.length !== batch.length) fail(new ShapeError(`Expected ${batch.length} results, got ${results?.length}`))
      else
        settle(({ caller }, index) => {
          caller.next(results[index]!)
          caller.complete()
        })
    }
    const calls = batch.map(({ call }) => call)
    const results = defer(() => (calls.length > 0 ? run(calls) : [[]])) // everyone may have left before the hop
    results.pipe(take(1), defaultIfEmpty([])).subscribe({ next: answer, error: fail })
  }
  const join = (call: Call): Observable<Result> =>
    new Observable((caller) => {
      const waiter = { call, caller }
      waiting.add(waiter)
      wake()
      return () => waiting.delete(waiter)
    })
  return mergeMap(join)
}
