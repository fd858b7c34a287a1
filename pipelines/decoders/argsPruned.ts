import { batchReward } from '../../operators/batchReward.js'
import { batchRewardPruned, batchRewardPrunedOptions } from '../../operators/batchRewardPruned.js'
import { combineScore } from '../../operators/combineScore.js'
import { selectGreedy } from '../../operators/selectGreedy.js'
import { topK } from '../../operators/topK.js'
import type { Decoder } from '../../src/core/step.js'
import { perReward, weighted } from '../decoding/perReward.js'
import { steps } from '../decoding/steps.js'
import { withOptions } from '../decoding/withOptions.js'
import { type ArgsOptions, argsOptions } from './args.js'

export const argsPrunedOptions = argsOptions.extend({ reach: batchRewardPrunedOptions.shape.reach })
export type ArgsPrunedOptions = ArgsOptions &
  Readonly<{
    /** How many standard deviations of the rewards a candidate may make up for (5). */
    reach?: number | undefined
  }>

/**
 * ARGS-greedy that scores only candidates that can still win, judged by the spread of earlier rewards. It nearly always selects the same
 * tokens in less time. With several rewards, only the first is pruned; the others score every candidate before it.
 *
 * @see args
 */
// biome-ignore format: one operator a line
export const argsPruned = withOptions<ArgsPrunedOptions, Decoder>('argsPruned', argsPrunedOptions, ({ k, weight, reach }) => (models) => steps(
  topK({ k }),
  perReward(weighted(models, weight).reverse(), ({ reward, weight }) => [
    reward === models.reward ? batchRewardPruned({ reward, weight, reach }) : batchReward({ reward }),
    combineScore({ weight, reward: reward.name }),
  ]),
  selectGreedy(),
))
