import { rewardByName } from '../../../pipelines/rewards/rewardByName.js'
import { rewardOfText } from '../../../pipelines/rewards/rewardOfText.js'
import { OptionError } from '../../core/errors.js'
import type { Reward } from '../../core/model.js'
import { ApiError } from '../ApiError.js'
import type { RxargsFields } from '../requests/rxargsFields.js'
import type { Service } from './service.js'

type Given = NonNullable<RxargsFields['rewards']>[number]

/**
 * The models of a request: those of the server, with the rewards that the request names, in its order.
 *
 * @throws ApiError for a reward that the server does not have, a bad option of a function, and two rewards of one name
 */
export function requestRewards(service: Service, given: RxargsFields['rewards']): Service['replies']['scheduled'] {
  const { scheduled } = service.replies
  const rewards = given ? given.map((one, index) => rewardOf(service, one, index)) : [...scheduled.rewards.values()]
  const twice = rewards.find(({ name }, index) => rewards.findIndex((other) => other.name === name) !== index)
  if (twice)
    throw new ApiError(400, `Expected each reward to have a name of its own, got \`${twice.name}\` twice`, {
      param: 'rxargs.rewards',
    })
  const bounded = rewards.map((reward) => withMaxCandidates(reward, service.limits.maxCandidates))
  const { reward: _, ...models } = scheduled
  return {
    ...models,
    rewards: new Map(bounded.map((reward) => [reward.name, reward])),
    ...(bounded[0] && { reward: bounded[0] }),
  }
}

function rewardOf({ replies, models }: Service, given: Given, index: number): Reward {
  const param = `rxargs.rewards.${index}`
  if (typeof given === 'string') {
    const known = replies.scheduled.rewards
    const found = known.get(given)
    if (found) return found
    throw new ApiError(400, `Expected a reward of this server (${[...known.keys()].join(', ') || 'none'}), got \`${given}\``, {
      param,
    })
  }
  try {
    const source = rewardByName(given.name, given.function, given.options ?? {})
    if (source.kind !== 'ensemble') return rewardOfText(source, models.lm)
  } catch (error) {
    if (error instanceof OptionError) throw new ApiError(400, `\`${given.function}\`: ${error.message}`, { param })
    throw error
  }
  throw new ApiError(400, `Expected a reward function of a text, got \`${given.function}\``, { param })
}

/** Refuses more candidates than a step may have: each of them is a position in the reward model's batch. */
function withMaxCandidates(reward: Reward, maxCandidates: number): Reward {
  if (reward.unit === 'logprob') return reward
  return {
    ...reward,
    score: (sequence, candidateIds) => {
      if (candidateIds.length <= maxCandidates) return reward.score(sequence, candidateIds)
      throw new ApiError(
        400,
        `Expected at most ${maxCandidates} candidates for reward \`${reward.name}\`, got ${candidateIds.length}`,
        { param: 'rxargs', code: 'limit_exceeded' },
      )
    },
  }
}
