import * as z from 'zod'
import { batchReward } from '../../operators/batchReward.js'
import { combineScore, combineScoreOptions } from '../../operators/combineScore.js'
import { selectGreedy } from '../../operators/selectGreedy.js'
import { topK, topKOptions } from '../../operators/topK.js'
import type { Decoder } from '../../src/core/types.js'
import { steps } from '../steps.js'

export const argsOptions = z.strictObject({
  k: topKOptions.shape.k.default(10).describe('an integer >= 1'),
  weight: combineScoreOptions.shape.weight.default(1.5).describe('a finite number'),
})
export type ArgsOptions = z.input<typeof argsOptions>

/**
 * ARGS-greedy: of the k likeliest tokens the one with the highest `logit + weight * reward`.
 *
 * @see ARGS: Alignment as Reward-Guided Search (Khanov et al., 2024), Algorithm 1
 */
// biome-ignore format: one operator a line
export const args = ({ k = 10, weight = 1.5 }: ArgsOptions = {}): Decoder => ({ reward }) => steps(
  topK({ k }),
  batchReward({ reward }),
  combineScore({ weight }),
  selectGreedy(),
)
