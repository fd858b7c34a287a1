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
 * Bans tokens whose probability is below `p` times that of the likeliest one. Stands before `topK` or `topP({ p: 1 })`, which leave
 * banned tokens out. Exact on a model's sorted top n, too: the likeliest is among them.
 *
 * It is also the plausibility constraint of contrastive decoding (Li et al., 2023, Eq. 2).
 *
 * - in, out: `logits`: Float32[V] or sparse; a banned token has −∞
 * - errors: `OptionError` at call time unless 0 < p <= 1
 *
 * @see Turning Up the Heat: Min-p Sampling (Nguyen et al., 2024); transformers MinPLogitsWarper
 */
export function minP<S extends LogitsStep>(options: MinPOptions): DescribedOperator<S, S> {
  const { p } = parseOptions(minPOptions, options)
  const margin = Math.log(p)

  return described(
    { name: 'minP', options: { p } },
    map((step: S) => {
      const { tokenIds, values } = step.logits
      const bar = values.reduce((high, value) => Math.max(high, value), BANNED) + margin
      const kept = values.map((value) => (value < bar ? BANNED : value))
      return { ...step, logits: { ...(tokenIds && { tokenIds }), values: kept } }
    }),
  )
}

export const minPEntry = registryEntry(
  'bans tokens that are less likely than p times the likeliest',
  minPOptions,
  processor,
  minP,
)
