import * as z from 'zod'
import { batchReward } from '../../operators/batchReward.js'
import { combineScore } from '../../operators/combineScore.js'
import { selectGreedy } from '../../operators/selectGreedy.js'
import { topK, topKOptions } from '../../operators/topK.js'
import type { Decoder } from '../../src/core/step.js'
import { perReward, type Weight, weighted, weightOption } from '../decoding/perReward.js'
import { steps } from '../decoding/steps.js'
import { withOptions } from '../decoding/withOptions.js'

export const argsOptions = z.strictObject({
  k: topKOptions.shape.k.default(10).describe('an integer >= 1'),
  weight: weightOption,
})
export type ArgsOptions = Readonly<{
  /** How many of the likeliest tokens become candidates (10). */
  k?: number | undefined
  /** Weight of the first reward, or weights by reward name (1.5). */
  weight?: Weight | undefined
}>

/**
 * ARGS-greedy: selects the token with the highest `logit + weight * reward` among the k likeliest. Several rewards add up:
 * `logit + weight_1 * reward_1 + weight_2 * reward_2 …`. Rewards without a weight get 1.5.
 *
 * @see ARGS: Alignment as Reward-Guided Search (Khanov et al., 2024), Algorithm 1
 */
// biome-ignore format: one operator a line
export const args = withOptions<ArgsOptions, Decoder>('args', argsOptions, ({ k, weight }) => (models) => steps(
  topK({ k }),
  perReward(weighted(models, weight), ({ reward, weight }) => [
    batchReward({ reward }),
    combineScore({ weight, reward: reward.name }),
  ]),
  selectGreedy(),
))
