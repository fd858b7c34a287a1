import { map } from 'rxjs'
import * as z from 'zod'
import { type DescribedOperator, described } from '../src/core/described.js'
import { ShapeError } from '../src/core/errors.js'
import { softmax, topIndices } from '../src/core/math.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { choice, registryEntry } from '../src/core/registryEntry.js'
import { type Candidates, withFields } from '../src/core/step.js'
import { uniform } from '../src/core/uniform.js'
import type { Choice } from './selectGreedy.js'
import { temperatureOptions } from './temperature.js'
import { topPOptions } from './topP.js'

export const sampleTemperatureOptions = z.strictObject({
  temperature: temperatureOptions.shape.temperature.default(1).describe('a finite number > 0'),
  p: topPOptions.shape.p.default(1).describe('a number above 0 and at most 1'),
})
export type SampleTemperatureOptions = Readonly<{
  /** Divides the scores before sampling (1). */
  temperature?: number | undefined
  /** Probability mass to sample from: that of the fewest best candidates that reach it (1). */
  p?: number | undefined
}>

/**
 * Samples a candidate from the softmax of `scores / temperature`. With `p` below 1 it samples from the nucleus of that distribution: the
 * fewest candidates with the highest scores whose probabilities reach `p`; ties go to the first. All candidates stay in the step.
 *
 * The random number depends only on the sequence (seed, prompt id, sample and position), so batches and the order of arrival do not
 * change it.
 *
 * - in: `sequence`, `scores`: Float32[k], `tokenIds`: Int32[k]
 * - out: + `index`, `tokenId`
 * - errors: `OptionError` at call time unless `temperature` is a finite number > 0 and 0 < p <= 1; `ShapeError` for no candidates or a
 *   score that is not finite
 *
 * @see ARGS-stochastic (Khanov et al., 2024); vLLM `apply_top_k_top_p`: temperature, then the k likeliest, then the nucleus of these
 */
export function sampleTemperature<S extends Candidates>(
  options: SampleTemperatureOptions = {},
): DescribedOperator<S, S & Choice> {
  const { temperature, p } = parseOptions(sampleTemperatureOptions, options, 'sampleTemperature')
  const { p: _, ...withoutP } = options

  return described(
    // The whole mass is what there always was, so specs do not name it.
    { name: 'sampleTemperature', options: p === 1 ? withoutP : { ...options } },
    map((step: S) => {
      const { seed, promptId, sample, tokenIds } = step.sequence
      const shares = sharesOf(step.scores, temperature)
      const index = pick(p === 1 ? shares : nucleus(shares, p), uniform(seed, promptId, sample, tokenIds.length))
      return withFields(step, { index, tokenId: step.tokenIds[index]! })
    }),
  )
}

/** Probabilities of the candidates. */
function sharesOf(scores: Float32Array, temperature: number): Float64Array {
  const bad = scores.findIndex((score) => !Number.isFinite(score))
  if (scores.length === 0 || bad !== -1)
    throw new ShapeError(`Expected finite scores to sample from, got ${bad === -1 ? 'none' : `${scores[bad]} at index ${bad}`}`)
  return softmax(scores, temperature)
}

/** Probabilities of the nucleus, which sum to 1 again; the others are 0. */
function nucleus(shares: Float64Array, p: number): Float64Array {
  const kept = new Float64Array(shares.length)
  let mass = 0
  for (const index of topIndices(shares, shares.length)) {
    kept[index] = shares[index]!
    mass += shares[index]!
    if (mass >= p) break
  }
  return kept.map((share) => share / mass)
}

/** Picks the candidate whose share of [0, 1) holds the random number. */
function pick(shares: Float64Array, random: number): number {
  let sum = 0
  const index = shares.findIndex((share) => {
    sum += share
    return sum > random
  })
  // Rounding may leave the sum just below the number: take the last candidate with a share.
  return index === -1 ? shares.findLastIndex((share) => share > 0) : index
}

export const sampleTemperatureEntry = registryEntry(
  'samples from the softmax of scores / temperature, or from its nucleus',
  sampleTemperatureOptions,
  choice,
  (options) => sampleTemperature(options),
)
