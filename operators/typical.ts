import { map } from 'rxjs'
import * as z from 'zod'
import { BANNED, withDenseLogits } from '../src/core/denseLogits.js'
import { type DescribedOperator, described } from '../src/core/described.js'
import { entropy, logSumExp } from '../src/core/math.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { processor, registryEntry } from '../src/core/registryEntry.js'
import type { LogitsStep } from '../src/core/step.js'

export const typicalOptions = z.strictObject({ p: z.number().gt(0).max(1).describe('a number above 0 and at most 1') })
export type TypicalOptions = Readonly<{
  /** Probability mass to keep, above 0 and at most 1. */
  p: number
}>

/**
 * Locally typical sampling: keeps the tokens whose information `−log p` is closest to the distribution's entropy, the fewest with total
 * probability `p`, and bans the others. Goes before `topK` or `topP({ p: 1 })`, which skip banned tokens.
 *
 * - in, out: `logits`: Float32[V], dense; a banned token has −∞
 * - errors: `OptionError` at call time unless 0 < p <= 1; `ShapeError` for sparse logits
 *
 * @see Locally Typical Sampling (Meister et al., 2023), Eq. 7; transformers TypicalLogitsWarper
 */
export function typical<S extends LogitsStep>(options: TypicalOptions): DescribedOperator<S, S> {
  const { p } = parseOptions(typicalOptions, options, 'typical')

  return described(
    { name: 'typical', options: { p }, need: 'all' },
    map((step: S) => withDenseLogits(step, (values) => banUntypical(values, p))),
  )
}

function banUntypical(values: Float32Array, p: number): void {
  const total = logSumExp(values)
  const logprobs = new Float64Array(values).map((value) => value - total)
  const expected = entropy(values)
  const distance = logprobs.map((logprob) => Math.abs(-logprob - expected))
  const order = new Uint32Array(values.length).map((_, id) => id).sort((a, b) => distance[a]! - distance[b]! || a - b)
  let mass = 0
  let last = 0
  while (last < order.length - 1) {
    mass += Math.exp(logprobs[order[last]!]!)
    if (mass >= p) break
    last++
  }
  const limit = distance[order[last]!]!
  for (let id = 0; id < values.length; id++) if (distance[id]! > limit) values[id] = BANNED
}

export const typicalEntry = registryEntry(
  'keeps the fewest most typical tokens whose probabilities reach p and bans the others',
  typicalOptions,
  processor,
  typical,
)
