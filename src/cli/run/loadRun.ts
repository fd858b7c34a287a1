import { weightsOf } from '../../../pipelines/decoding/perReward.js'
import type { Models } from '../../core/run.js'
import { loadModels, type RewardOption } from '../../models/loadModels.js'
import type { LoadObserver } from '../../watch/metrics.js'
import type { ChosenDecoder } from '../flags/chooseDecoder.js'
import type { GenerateFlags } from '../flags/generateFlags.js'
import { describeLm } from '../flags/lmFlag.js'
import { loadRewards } from '../flags/loadRewards.js'
import { functionReward } from '../flags/rewardFlag.js'
import { describeInput } from './inputOf.js'

/**
 * Prepares the rewards of a run.
 *
 * @throws OptionError for a weight of a reward that the run lacks, and like `loadRewards`
 */
export function rewardsOf({ rewards, rewardTimeout }: GenerateFlags, { weight }: ChosenDecoder): Promise<RewardOption[]> {
  const named = rewards.map((each) => (each.kind === 'function' && each.of === 'ensemble' ? functionReward(each) : each))
  weightsOf(named, weight ?? {})
  return loadRewards(rewards, rewardTimeout)
}

/** Loads the models of a run. `load` watches them. */
export const loadRunModels = (
  { lm, lms, engine }: GenerateFlags,
  rewards: readonly RewardOption[],
  onNotice: (notice: string) => void,
  load: Partial<LoadObserver> = {},
): Promise<Models> => loadModels({ lm, lms, reward: rewards, ...engine, ...load, onNotice })

/** Says what a run reads and what it decodes with. */
export const describeRun = (input: string, { lm, lms, rewards }: GenerateFlags, { about }: ChosenDecoder): string =>
  `${describeInput(input)} with ${about}; ${[describeLm(lm), ...Object.values(lms), ...rewards.map(({ path }) => path)].join(', ')}`
