import { map } from 'rxjs'
import * as z from 'zod'
import { withDenseLogits } from '../src/core/denseLogits.js'
import { type DescribedOperator, described } from '../src/core/described.js'
import { fp32Number } from '../src/core/fp32Number.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { processor, registryEntry } from '../src/core/registryEntry.js'
import type { LogitsStep } from '../src/core/step.js'

export const presencePenaltyOptions = z.strictObject({ penalty: fp32Number })
export type PresencePenaltyOptions = Readonly<{
  /** What to subtract from the logits. */
  penalty: number
}>

/**
 * Subtracts the penalty once from the logit of each token that occurs in the reply. The prompt does not count.
 *
 * - in, out: `logits`: Float32[V], dense
 * - errors: `OptionError` at call time unless `penalty` is finite; `ShapeError` for sparse logits
 *
 * @see OpenAI's API, `presence_penalty`: `mu[j] - (c[j] > 0) * alpha_presence`, c the counts of the tokens sampled so far
 */
export function presencePenalty<S extends LogitsStep>(options: PresencePenaltyOptions): DescribedOperator<S, S> {
  const { penalty } = parseOptions(presencePenaltyOptions, options, 'presencePenalty')

  return described(
    { name: 'presencePenalty', options: { penalty }, need: 'all' },
    map((step: S) =>
      withDenseLogits(step, (values) => {
        for (const id of new Set(step.sequence.tokenIds)) values[id]! -= penalty
      }),
    ),
  )
}

export const presencePenaltyEntry = registryEntry(
  'subtracts the penalty from tokens of the reply',
  presencePenaltyOptions,
  processor,
  presencePenalty,
)
