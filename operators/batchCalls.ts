import {
  asapScheduler,
  defaultIfEmpty,
  defer,
  mergeMap,
  Observable,
  type ObservableInput,
  type OperatorFunction,
  of,
  type Subscriber,
  take,
} from 'rxjs'
import * as z from 'zod'
import { freeTurns, nextBatch, type Turns } from '../src/core/batching.js'
import { ShapeError } from '../src/core/errors.js'
import type { BatchObserver } from '../src/core/observe/observer.js'
import { parseOptions } from '../src/core/parseOptions.js'

const callable = () => z.custom<unknown>((value) => typeof value === 'function')
const optionally = callable().optional().describe('a function')
export const batchCallsOptions = z.strictObject({
  maxBatch: z.int().min(1).describe('an integer >= 1'),
  ...{ onBatch: optionally, onCall: optionally, onQueue: optionally, now: optionally, promptTokens: optionally },
  turns: z.looseObject({ take: callable(), give: callable() }).optional().describe('turns'),
})
export type BatchCallsOptions<Call> = Readonly<{
  /** Most calls of a batch. */
  maxBatch: number
  /** New prompt tokens of a call; 0 by default, as in a decode step. */
  promptTokens?: ((call: Call) => number) | undefined
  /** Whose turn it is, if several models share the cores. */
  turns?: Turns | undefined
}> &
  BatchObserver<Call>

type Waiting<Call, Result> = Readonly<{ caller: Subscriber<Result>; call: Call; askedAt: number }> & { isWaiting: boolean }

/**
 * Turns a batched call into a stream operator: calls in, results out. All streams share a queue; a caller that unsubscribes leaves it.
 *
 * - `run`: takes up to `maxBatch` calls and returns one result per call, in order; one batch runs at a time
 * - errors: `OptionError` at call time; a failing batch errors only its own callers; `ShapeError` for a wrong number of results
 * - dispatch: goes through `asapScheduler`: calls made together share a batch, and synchronous models keep a flat stack.
 */
export function batchCalls<Call, Result>(
  run: (calls: readonly Call[]) => ObservableInput<readonly Result[]>,
  options: BatchCallsOptions<Call>,
): OperatorFunction<Call, Result> {
  const { maxBatch } = parseOptions(batchCallsOptions, options, 'batchCalls')
  const { onBatch, onCall, onQueue = () => undefined, turns = freeTurns, now = () => asapScheduler.now() } = options
  // A map's discarded tables point to later ones: once such a table is old garbage, it would keep all later callers from being collected young.
  let waiting: Waiting<Call, Result>[] = []
  let busy = false // from the hop to the end of the batch

  const wake = (): void => {
    if (!busy && waiting.length > 0) asapScheduler.schedule(dispatch)
    busy ||= waiting.length > 0
  }
  const dispatch = (): void => {
    const most = waiting.length > 0 ? turns.take(waiting.length, wake) : 0 // all callers may have left before the hop
    busy = most > 0
    if (!busy) return
    const tokensOf = ({ call }: Waiting<Call, Result>): number => options.promptTokens?.(call) ?? 0
    const { batch, rest } = nextBatch(waiting, { maxBatch: Math.min(most, maxBatch), promptTokens: tokensOf })
    waiting = [...rest]
    onQueue(-batch.length)
    for (const one of batch) one.isWaiting = false
    const startedAt = now()
    const settle = (route: (caller: Subscriber<Result>, index: number) => void): void => {
      const endedAt = now()
      if (onCall) for (const { call, askedAt } of batch) onCall(call, { askedAt, startedAt, endedAt })
      for (const [index, { caller }] of batch.entries()) route(caller, index) // the callers' next calls join before the next hop
      turns.give(batch.map(tokensOf)) // other models that waited go first
      busy = false
      wake()
      onBatch?.({ size: batch.length, waiting: rest.length, durationMs: endedAt - startedAt })
    }
    const fail = (error: unknown): void => settle((caller) => caller.error(error))
    const answer = (results: readonly Result[]): void => {
      if (results?.length === batch.length) settle((caller, index) => of(results[index]!).subscribe(caller))
      else fail(new ShapeError(`Expected ${batch.length} results, got ${results?.length}`))
    }
    const asked = defer(() => run(batch.map(({ call }) => call)))
    asked.pipe(take(1), defaultIfEmpty([])).subscribe({ next: answer, error: fail })
  }
  const join = (call: Call): Observable<Result> =>
    new Observable((caller) => {
      const one = { caller, call, askedAt: onCall ? now() : 0, isWaiting: true }
      waiting.push(one)
      onQueue(1)
      wake()
      return () => one.isWaiting && onQueue(-waiting.splice(waiting.indexOf(one), 1).length)
    })
  return mergeMap(join)
}
