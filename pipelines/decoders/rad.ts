import * as z from 'zod'
import { batchReward } from '../../operators/batchReward.js'
import { boundReward } from '../../operators/boundReward.js'
import { combineScore } from '../../operators/combineScore.js'
import { sampleTemperature, sampleTemperatureOptions } from '../../operators/sampleTemperature.js'
import { topK, topKOptions } from '../../operators/topK.js'
import type { Decoder } from '../../src/core/step.js'
import { perReward, type Weight, weighted, weightOption } from '../decoding/perReward.js'
import { steps } from '../decoding/steps.js'
import { withOptions } from '../decoding/withOptions.js'

export const radOptions = z.strictObject({
  k: topKOptions.shape.k.default(20).describe('an integer >= 1'),
  weight: weightOption.default(30).describe('a finite number, or finite numbers by reward name'),
  temperature: sampleTemperatureOptions.shape.temperature,
  p: sampleTemperatureOptions.shape.p,
})
export type RadOptions = Readonly<{
  /** How many of the likeliest tokens become candidates (20). */
  k?: number | undefined
  /** Weight of the first reward, or weights by reward name (30). */
  weight?: Weight | undefined
  /** Divides the scores before sampling (1). */
  temperature?: number | undefined
  /** Probability mass to sample from: that of the fewest best candidates that reach it (1). */
  p?: number | undefined
}>

/**
 * Reward-augmented decoding: samples among the k likeliest tokens from the softmax of `logit + weight * reward`, with rewards clamped to
 * [0, 1]. `weight` is the paper's beta; rewards without a weight get 30. For rewards on another scale use `boundReward` with the logistic
 * function, as in data/pipelines/rad.yaml.
 *
 * @see Reward-Augmented Decoding (Deng and Raffel, 2023), Algorithm 1
 */
// biome-ignore format: one operator a line
export const rad = withOptions<RadOptions, Decoder>('rad', radOptions, ({ k, weight, temperature, p }) => (models) => steps(
  topK({ k }),
  perReward(weighted(models, weight, 30), ({ reward, weight }) => [
    batchReward({ reward }),
    boundReward({ reward: reward.name }),
    combineScore({ weight, reward: reward.name }),
  ]),
  sampleTemperature({ temperature, p }),
))
