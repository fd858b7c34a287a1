import type * as z from 'zod'
import { batchRewardInOrder, batchRewardInOrderOptions } from '../../operators/batchRewardInOrder.js'
import { combineScore } from '../../operators/combineScore.js'
import { selectGreedy } from '../../operators/selectGreedy.js'
import { topK } from '../../operators/topK.js'
import type { Decoder } from '../../src/core/types.js'
import { steps } from '../steps.js'
import { argsOptions } from './args.js'

const { first, spread } = batchRewardInOrderOptions.shape
export const argsInOrderOptions = argsOptions.extend({ first, spread })
export type ArgsInOrderOptions = z.input<typeof argsInOrderOptions>

/**
 * ARGS-greedy that scores the likeliest candidates first and leaves out those which can hardly win: nearly always the same tokens,
 * for less of the reward model's time.
 *
 * @see args
 */
// biome-ignore format: one operator a line
export const argsInOrder = ({ k = 10, weight = 1.5, first, spread }: ArgsInOrderOptions = {}): Decoder => ({ reward }) => steps(
  topK({ k }),
  batchRewardInOrder({ reward, weight, first, spread }),
  combineScore({ weight }),
  selectGreedy(),
)
