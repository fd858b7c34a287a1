import * as z from 'zod'
import { sampleTemperature, sampleTemperatureOptions } from '../../operators/sampleTemperature.js'
import { topK, topKOptions } from '../../operators/topK.js'
import type { Decoder } from '../../src/core/step.js'
import { steps } from '../decoding/steps.js'
import { withOptions } from '../decoding/withOptions.js'

export const topKSamplingOptions = z.strictObject({
  k: topKOptions.shape.k.default(40).describe('an integer >= 1'),
  temperature: sampleTemperatureOptions.shape.temperature.default(0.7).describe('a finite number > 0'),
  p: sampleTemperatureOptions.shape.p,
})
export type TopKSamplingOptions = Readonly<{
  /** How many of the likeliest tokens become candidates (40). */
  k?: number | undefined
  /** Divides the scores before sampling (0.7). */
  temperature?: number | undefined
  /** Probability mass to sample from: that of the fewest best candidates that reach it (1). */
  p?: number | undefined
}>

/**
 * Top-k sampling: samples among the k likeliest tokens from the softmax of `logit / temperature`.
 *
 * @see Hierarchical Neural Story Generation (Fan et al., 2018)
 */
// biome-ignore format: one operator a line
export const topKSampling = withOptions<TopKSamplingOptions, Decoder>('topKSampling', topKSamplingOptions, ({ k, temperature, p }) => () => steps(
  topK({ k }),
  sampleTemperature({ temperature, p }),
))
