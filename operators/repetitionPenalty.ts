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
 * Makes tokens of prompt and reply less likely: divides positive logits by the penalty and multiplies negative ones. A penalty of 1
 * changes nothing, one below 1 makes them likelier. Goes before `topK`.
 *
 * - in, out: `logits`: Float32[V], dense
 * - errors: `OptionError` at call time unless `penalty` is a finite number > 0; `ShapeError` for sparse logits
 *
 * @see CTRL (Keskar et al., 2019), section 4.1; transformers RepetitionPenaltyLogitsProcessor, which also counts the prompt
 */
export function repetitionPenalty<S extends LogitsStep>(options: RepetitionPenaltyOptions): DescribedOperator<S, S> {
  const { penalty } = parseOptions(repetitionPenaltyOptions, options, 'repetitionPenalty')

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
