import { batchReward } from '../../operators/batchReward.js'
import { combineScore } from '../../operators/combineScore.js'
import { sampleTemperature, sampleTemperatureOptions } from '../../operators/sampleTemperature.js'
import { topK } from '../../operators/topK.js'
import type { Decoder } from '../../src/core/step.js'
import { perReward, weighted } from '../decoding/perReward.js'
import { steps } from '../decoding/steps.js'
import { withOptions } from '../decoding/withOptions.js'
import { type ArgsOptions, argsOptions } from './args.js'

export const argsStochasticOptions = argsOptions.extend({
  temperature: sampleTemperatureOptions.shape.temperature.default(0.7).describe('a finite number > 0'),
  p: sampleTemperatureOptions.shape.p,
})
export type ArgsStochasticOptions = ArgsOptions &
  Readonly<{
    /** Divides the scores before sampling (0.7). */
    temperature?: number | undefined
    /** Probability mass to sample from: that of the fewest best candidates that reach it (1). */
    p?: number | undefined
  }>

/**
 * ARGS-stochastic: samples among the k likeliest tokens from the softmax of `(logit + weight * reward) / temperature`. Several rewards
 * combine as in `args`.
 *
 * @see ARGS: Alignment as Reward-Guided Search (Khanov et al., 2024), section 3
 */
// biome-ignore format: one operator a line
export const argsStochastic = withOptions<ArgsStochasticOptions, Decoder>('argsStochastic', argsStochasticOptions, ({ k, weight, temperature, p }) => (models) => steps(
  topK({ k }),
  perReward(weighted(models, weight), ({ reward, weight }) => [
    batchReward({ reward }),
    combineScore({ weight, reward: reward.name }),
  ]),
  sampleTemperature({ temperature, p }),
))
