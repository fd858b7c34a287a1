import { map } from 'rxjs'
import * as z from 'zod'
import { type DescribedOperator, described } from '../src/core/described.js'
import { ShapeError } from '../src/core/errors.js'
import { softmax } from '../src/core/math.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { choice, registryEntry } from '../src/core/registryEntry.js'
import type { Candidates } from '../src/core/step.js'
import { uniform } from '../src/core/uniform.js'
import type { Choice } from './selectGreedy.js'
import { temperatureOptions } from './temperature.js'

const temperature = temperatureOptions.shape.temperature.default(1).describe('a finite number > 0')
export const sampleTemperatureOptions = z.strictObject({ temperature })
export type SampleTemperatureOptions = Readonly<{
  /** Divides the scores before sampling (1). */
  temperature?: number | undefined
}>

/**
 * Samples a candidate from the softmax of `scores / temperature`. The random number depends only on the sequence (seed, prompt id, sample
 * and position), so batches and the order of arrival do not change it.
 *
 * - in: `sequence`, `scores`: Float32[k], `tokenIds`: Int32[k]
 * - out: + `index`, `tokenId`
 * - errors: `OptionError` at call time unless `temperature` is a finite number > 0; `ShapeError` for no candidates or a score
 *   that is not finite
 *
 * @see ARGS-stochastic (Khanov et al., 2024)
 */
export function sampleTemperature<S extends Candidates>(
  options: SampleTemperatureOptions = {},
): DescribedOperator<S, S & Choice> {
  const { temperature } = parseOptions(sampleTemperatureOptions, options, 'sampleTemperature')

  return described(
    { name: 'sampleTemperature', options: { ...options } },
    map((step: S) => {
      const { seed, promptId, sample, tokenIds } = step.sequence
      const index = pick(step.scores, temperature, uniform(seed, promptId, sample, tokenIds.length))
      return { ...step, index, tokenId: step.tokenIds[index]! }
    }),
  )
}

/** Picks the candidate whose share of [0, 1) holds the random number. */
function pick(scores: Float32Array, temperature: number, random: number): number {
  const bad = scores.findIndex((score) => !Number.isFinite(score))
  if (scores.length === 0 || bad !== -1)
    throw new ShapeError(`Expected finite scores to sample from, got ${bad === -1 ? 'none' : `${scores[bad]} at index ${bad}`}`)
  const shares = softmax(scores, temperature)
  let sum = 0
  const index = shares.findIndex((share) => {
    sum += share
    return sum > random
  })
  // Rounding may leave the sum just below the number: take the last candidate with a share.
  return index === -1 ? shares.findLastIndex((share) => share > 0) : index
}

export const sampleTemperatureEntry = registryEntry(
  'samples from the softmax of scores / temperature',
  sampleTemperatureOptions,
  choice,
  (options) => sampleTemperature(options),
)
