import * as z from 'zod'
import { sampleTemperature, sampleTemperatureOptions } from '../../operators/sampleTemperature.js'
import { topK, topKOptions } from '../../operators/topK.js'
import type { Decoder } from '../../src/core/step.js'
import { steps } from '../decoding/steps.js'
import { withOptions } from '../decoding/withOptions.js'

export const topKSamplingOptions = z.strictObject({
  k: topKOptions.shape.k.default(40).describe('an integer >= 1'),
  temperature: sampleTemperatureOptions.shape.temperature.default(0.7).describe('a finite number > 0'),
})
export type TopKSamplingOptions = Readonly<{
  /** How many of the likeliest tokens become candidates (40). */
  k?: number | undefined
  /** Divides the scores before sampling (0.7). */
  temperature?: number | undefined
}>

/**
 * Top-k sampling: samples among the k likeliest tokens from the softmax of `logit / temperature`.
 *
 * @see Hierarchical Neural Story Generation (Fan et al., 2018)
 */
// biome-ignore format: one operator a line
export const topKSampling = withOptions<TopKSamplingOptions, Decoder>('topKSampling', topKSamplingOptions, ({ k, temperature }) => () => steps(
  topK({ k }),
  sampleTemperature({ temperature }),
))
