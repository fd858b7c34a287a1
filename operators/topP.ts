import { map } from 'rxjs'
import * as z from 'zod'
import { denseLogits } from '../src/core/denseLogits.js'
import { type DescribedOperator, described } from '../src/core/described.js'
import { ShapeError } from '../src/core/errors.js'
import { logSumExp, topIndices } from '../src/core/math.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { candidates, registryEntry } from '../src/core/registryEntry.js'
import { type Candidates, type LogitsStep, withFields } from '../src/core/step.js'

export const topPOptions = z.strictObject({ p: z.number().gt(0).max(1).describe('a number above 0 and at most 1') })
export type TopPOptions = Readonly<{
  /** Probability mass to keep, above 0 and at most 1. */
  p: number
}>

/**
 * Keeps the nucleus: the fewest likeliest tokens whose probabilities reach `p`, likeliest first; ties go to the lower id. 1 keeps all.
 *
 * - in: `logits`: Float32[V], dense
 * - out: `tokenIds`: Int32[n], `tokenLogits`: Float32[n], `scores`: Float32[n] = tokenLogits, n >= 1; `logits` is dropped
 * - errors: `OptionError` at call time unless 0 < p <= 1; `ShapeError` for sparse logits, none, NaN or +∞; a banned
 *   token (−∞) is never kept
 *
 * @example of({ sequence, logits }).pipe(temperature({ temperature: 0.8 }), topP({ p: 0.95 }))
 * @see The Curious Case of Neural Text Degeneration (Holtzman et al., 2020)
 */
export function topP<S extends LogitsStep>(options: TopPOptions): DescribedOperator<S, Omit<S, 'logits'> & Candidates> {
  const { p } = parseOptions(topPOptions, options, 'topP')

  return described(
    { name: 'topP', options: { p }, need: 'all' },
    map(({ logits, ...step }: S) => {
      const values = denseLogits(logits)
      const tokenIds = nucleus(values, p)
      const tokenLogits = new Float32Array(tokenIds.length).map((_, index) => values[tokenIds[index]!]!)
      return withFields(step, { tokenIds, tokenLogits, scores: tokenLogits })
    }),
  )
}

/** Sorting a whole vocabulary is slow and most nuclei are small, so the sorted top grows until it holds the mass. */
function nucleus(values: Float32Array, p: number): Int32Array {
  if (values.length === 0) throw new ShapeError('Expected the logits of the whole vocabulary, got none')
  // Rounded masses may reach 1 too early.
  if (p === 1) return topIndices(values, values.length)
  const total = logSumExp(values)
  for (let size = Math.min(64, values.length); ; size = Math.min(4 * size, values.length)) {
    const sorted = topIndices(values, size)
    let mass = 0
    for (let n = 0; n < sorted.length; n++) {
      mass += Math.exp(values[sorted[n]!]! - total)
      if (mass >= p) return sorted.slice(0, n + 1)
    }
    if (sorted.length < size || size === values.length) return sorted
  }
}

export const topPEntry = registryEntry(
  'keeps the fewest likeliest tokens whose probabilities reach p',
  topPOptions,
  candidates('n'),
  (options) => topP(options),
)
