import { map } from 'rxjs'
import * as z from 'zod'
import { withDenseLogits } from '../src/core/denseLogits.js'
import { type DescribedOperator, described } from '../src/core/described.js'
import { fp32Number } from '../src/core/fp32Number.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { processor, registryEntry } from '../src/core/registryEntry.js'
import type { LogitsStep } from '../src/core/step.js'

export const frequencyPenaltyOptions = z.strictObject({ penalty: fp32Number })
export type FrequencyPenaltyOptions = Readonly<{
  /** What to subtract from the logits, once for each occurrence. */
  penalty: number
}>

/**
 * Subtracts the penalty from a token's logit once for each occurrence in the reply. The prompt does not count.
 *
 * - in, out: `logits`: Float32[V], dense
 * - errors: `OptionError` at call time unless `penalty` is finite; `ShapeError` for sparse logits
 *
 * @see OpenAI's API, `frequency_penalty`: `mu[j] - c[j] * alpha_frequency`, c the counts of the tokens sampled so far
 */
export function frequencyPenalty<S extends LogitsStep>(options: FrequencyPenaltyOptions): DescribedOperator<S, S> {
  const { penalty } = parseOptions(frequencyPenaltyOptions, options, 'frequencyPenalty')

  return described(
    { name: 'frequencyPenalty', options: { penalty }, need: 'all' },
    map((step: S) =>
      withDenseLogits(step, (values) => {
        for (const id of step.sequence.tokenIds) values[id]! -= penalty
      }),
    ),
  )
}

export const frequencyPenaltyEntry = registryEntry(
  'subtracts the penalty from a token once for each occurrence in the reply',
  frequencyPenaltyOptions,
  processor,
  frequencyPenalty,
)
