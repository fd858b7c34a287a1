import type * as z from 'zod'
import { batchReward } from '../../operators/batchReward.js'
import { batchRewardInOrder, batchRewardInOrderOptions } from '../../operators/batchRewardInOrder.js'
import { combineScore } from '../../operators/combineScore.js'
import { selectGreedy } from '../../operators/selectGreedy.js'
import { topK } from '../../operators/topK.js'
import type { Decoder } from '../../src/core/types.js'
import { perReward, weighted } from '../perReward.js'
import { steps } from '../steps.js'
import { argsOptions } from './args.js'

const { first, spread } = batchRewardInOrderOptions.shape
export const argsInOrderOptions = argsOptions.extend({ first, spread })
export type ArgsInOrderOptions = z.input<typeof argsInOrderOptions>

/**
 * ARGS-greedy that scores the likeliest candidates first and leaves out those which can hardly win: nearly always the same tokens,
 * for less of the reward model's time. Of several rewards the first is scored so, after all the others have scored every candidate.
 *
 * @see args
 */
// biome-ignore format: one operator a line
export const argsInOrder = ({ k = 10, weight = 1.5, first, spread }: ArgsInOrderOptions = {}): Decoder => (models) => steps(
  topK({ k }),
  perReward(weighted(models, weight).reverse(), ({ reward, weight }) => [
    reward === models.reward ? batchRewardInOrder({ reward, weight, first, spread }) : batchReward({ reward }),
    combineScore({ weight, reward: reward.name }),
  ]),
  selectGreedy(),
)
