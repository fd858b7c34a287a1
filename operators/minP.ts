import { map } from 'rxjs'
import * as z from 'zod'
import { BANNED } from '../src/core/denseLogits.js'
import { type DescribedOperator, described } from '../src/core/described.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { processor, registryEntry } from '../src/core/registryEntry.js'
import type { LogitsStep } from '../src/core/step.js'

export const minPOptions = z.strictObject({ p: z.number().gt(0).max(1).describe('a number above 0 and at most 1') })
export type MinPOptions = Readonly<{
  /** Smallest probability to keep, as a share of the highest one. */
  p: number
}>

/**
 * Bans tokens whose probability is below `p` times the highest one. Goes before `topK` or `topP({ p: 1 })`, which skip banned tokens.
 * It is also exact on a model's sorted top n, which includes the likeliest token.
 *
 * This is the plausibility constraint of contrastive decoding (Li et al., 2023, Eq. 2).
 *
 * - in, out: `logits`: Float32[V] or sparse; a banned token has −∞
 * - errors: `OptionError` at call time unless 0 < p <= 1
 *
 * @see Turning Up the Heat: Min-p Sampling (Nguyen et al., 2024); transformers MinPLogitsWarper
 */
export function minP<S extends LogitsStep>(options: MinPOptions): DescribedOperator<S, S> {
  const { p } = parseOptions(minPOptions, options, 'minP')
  const margin = Math.log(p)

  return described(
    { name: 'minP', options: { p } },
    map((step: S) => {
      const { tokenIds, values } = step.logits
      const lowest = values.reduce((high, value) => Math.max(high, value), BANNED) + margin
      const kept = values.map((value) => (value < lowest ? BANNED : value))
      return { ...step, logits: { ...(tokenIds && { tokenIds }), values: kept } }
    }),
  )
}

export const minPEntry = registryEntry('bans tokens less likely than p times the likeliest', minPOptions, processor, minP)
