import { tap } from 'rxjs'
import * as z from 'zod'
import { type DescribedOperator, described } from '../src/core/described.js'
import { parseOptions } from '../src/core/parseOptions.js'

export const traceOptions = z.strictObject({
  onStep: z.custom<(step: never) => void>((value) => typeof value === 'function').describe('a function'),
})
export type TraceOptions<S> = Readonly<{
  /** Called with each step; it must not change the step's arrays. */
  onStep: (step: S) => void
}>

/**
 * Calls a function with each step at this place, and passes the step on. It is not part of the decoder's spec and needs no logits, so it
 * does not change the run.
 *
 * - in, out: any step, unchanged; the function must not change its arrays
 * - errors: `OptionError` at call time without a function; the function's errors go down the error channel
 *
 * @example steps(topK({ k: 10 }), trace({ onStep: ({ tokenIds }) => console.log(tokenIds) }), selectGreedy())
 */
export function trace<S>(options: TraceOptions<S>): DescribedOperator<S, S> {
  parseOptions(traceOptions, options, 'trace')
  const { onStep } = options
  return described(
    { name: 'trace', options: {}, observes: true },
    tap((step: S) => onStep(step)),
  )
}
