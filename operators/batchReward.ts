import { concatMap, from, map, take, throwIfEmpty } from 'rxjs'
import * as z from 'zod'
import { checkRewards } from '../src/core/checkRewards.js'
import { type DescribedOperator, described } from '../src/core/described.js'
import { RewardError } from '../src/core/errors.js'
import type { Reward } from '../src/core/model.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { registryEntry, rewardName, rewardNamed, scoring } from '../src/core/registryEntry.js'
import { type Candidates, type Rewarded, withFields } from '../src/core/step.js'

const isReward = (value: unknown): value is Reward =>
  typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string' && 'score' in value

export const batchRewardOptions = z.strictObject({
  reward: z.custom<Reward>(isReward).describe('a reward among the models: a model or a function'),
})
export type BatchRewardOptions = Readonly<{
  /** The reward to score the candidates by; `undefined` is refused with a clear message. */
  reward: Reward | undefined
}>

/**
 * Adds the reward of each candidate, appended to the sequence.
 *
 * - in: `sequence`, `tokenIds`: Int32[k]
 * - out: + `rewards[reward.name]` (reward-model units): Float32[k]
 * - errors: `OptionError` at call time without a reward; `RewardError` unless the reward returns k finite numbers
 *
 * Steps stay in order. The reward's own errors pass through.
 *
 * @see ARGS (Khanov et al., 2024), r([x, y_<t, v]); args@db0e1c1 argsearch.py `generate_step`
 */
export function batchReward<S extends Candidates>(options: BatchRewardOptions): DescribedOperator<S, S & Rewarded> {
  const { reward } = parseOptions(batchRewardOptions, options, 'batchReward')

  return described(
    { name: 'batchReward', options: { reward: reward.name } },
    concatMap((step: S) =>
      from(reward.score(step.sequence, step.tokenIds)).pipe(
        take(1),
        throwIfEmpty(() => new RewardError(`Reward \`${reward.name}\` gave no rewards`)),
        map((scores) => {
          const rewards = checkRewards(reward.name, scores, { candidates: step.tokenIds })
          const others = 'rewards' in step ? (step as unknown as Rewarded).rewards : {}
          return withFields(step, { rewards: withFields(others, { [reward.name]: rewards }) })
        }),
      ),
    ),
  )
}

export const batchRewardEntry = registryEntry('scores each candidate in context', rewardName, scoring, ({ reward }, models) =>
  batchReward({ reward: rewardNamed(reward, models) }),
)
