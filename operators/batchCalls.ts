import {
  asapScheduler,
  defer,
  map,
  mergeMap,
  Observable,
  type ObservableInput,
  type OperatorFunction,
  of,
  type Subscriber,
  take,
  throwIfEmpty,
} from 'rxjs'
import * as z from 'zod'
import { ShapeError } from '../src/core/errors.js'
import { nextBatch } from '../src/core/nextBatch.js'
import { parseOptions } from '../src/core/parseOptions.js'

/** One finished batch: how many calls it had, how many stayed in the queue when it went, and how long it took. */
export type BatchReport = Readonly<{ size: number; waiting: number; durationMs: number }>

const given = <T>() => z.custom<T>((value) => typeof value === 'function').describe('a function')
export const batchCallsOptions = z.strictObject({
  maxBatch: z.int().min(1).describe('an integer >= 1'),
  onBatch: given<(report: BatchReport) => void>().optional().describe('a function'),
  now: given<() => number>().optional().describe('a function'),
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
  const { maxBatch, onBatch, now = () => performance.now() } = parseOptions(batchCallsOptions, options)
  const waiting = new Set<Waiter<Call, Result>>()
  let busy = false // from the hop until the batch is done

  const wake = (): void => {
    if (!busy && waiting.size > 0) asapScheduler.schedule(dispatch)
    busy ||= waiting.size > 0
  }
  const dispatch = (): void => {
    const { batch, rest } = nextBatch([...waiting], maxBatch)
    for (const waiter of batch) waiting.delete(waiter)
    const startedAt = now()
    const settle = (route: (waiter: Waiter<Call, Result>, index: number) => void): void => {
      const durationMs = now() - startedAt
      busy = false
      batch.forEach(route) // what the callers ask for next joins the queue here, before the next hop
      wake()
      if (batch.length > 0) onBatch?.({ size: batch.length, waiting: rest.length, durationMs })
    }
    const answer = (results: readonly Result[]): void =>
      settle(({ caller }, index) => {
        caller.next(results[index]!)
        caller.complete()
      })
    // Everyone may have left before the hop.
    defer(() => (batch.length > 0 ? run(batch.map(({ call }) => call)) : of([])))
      .pipe(
        take(1),
        throwIfEmpty(() => new ShapeError(`Expected ${batch.length} results, got nothing`)),
        map(oneEach(batch.length)),
      )
      .subscribe({ next: answer, error: (error: unknown) => settle(({ caller }) => caller.error(error)) })
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

const oneEach =
  (size: number) =>
  <Result>(results: readonly Result[]): readonly Result[] => {
    if (results?.length !== size) throw new ShapeError(`Expected ${size} results, one a call, got ${results?.length}`)
    return results
  }
