import { map } from 'rxjs'
import * as z from 'zod'
import { withDenseLogits } from '../src/core/denseLogits.js'
import { type DescribedOperator, described } from '../src/core/described.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { processor, registryEntry } from '../src/core/registryEntry.js'
import type { LogitsStep } from '../src/core/step.js'

export const repetitionPenaltyOptions = z.strictObject({ penalty: z.number().positive().describe('a finite number > 0') })
export type RepetitionPenaltyOptions = Readonly<{
  /** Above 1 makes repeated tokens less likely, below 1 likelier. */
  penalty: number
}>

/**
 * Makes tokens that stand in prompt or reply less likely: their logits are divided by the penalty where positive, multiplied where
 * negative. 1 changes nothing, less than 1 makes them likelier. Stands before `topK`.
 *
 * - in, out: `logits`: Float32[V], dense
 * - errors: `OptionError` at call time unless `penalty` is a finite number > 0; `ShapeError` for sparse logits
 *
 * @see CTRL (Keskar et al., 2019), section 4.1; transformers RepetitionPenaltyLogitsProcessor, which counts the prompt in, too
 */
export function repetitionPenalty<S extends LogitsStep>(options: RepetitionPenaltyOptions): DescribedOperator<S, S> {
  const { penalty } = parseOptions(repetitionPenaltyOptions, options)

  return described(
    { name: 'repetitionPenalty', options: { penalty }, need: 'all' },
    map((step: S) =>
      withDenseLogits(step, (values) => {
        for (const id of new Set([...step.sequence.promptTokenIds, ...step.sequence.tokenIds])) {
          const logit = values[id]!
          values[id] = logit < 0 ? logit * penalty : logit / penalty
        }
      }),
    ),
  )
}

export const repetitionPenaltyEntry = registryEntry(
  'makes tokens of prompt and reply less likely',
  repetitionPenaltyOptions,
  processor,
  repetitionPenalty,
)
