import { concatMap, from, mergeMap, type Observable, of, take, throwIfEmpty } from 'rxjs'
import * as z from 'zod'
import { checkRewards } from '../src/core/checkRewards.js'
import { type DescribedOperator, described } from '../src/core/described.js'
import { RewardError } from '../src/core/errors.js'
import { parseOptions } from '../src/core/parseOptions.js'
import type { Candidates, Reward, Rewarded } from '../src/core/types.js'
import { batchRewardOptions } from './batchReward.js'

export const batchRewardInOrderOptions = batchRewardOptions.extend({
  weight: z.number().describe('a finite number'),
  first: z.int().min(1).default(2).describe('an integer >= 1'),
  spread: z.number().min(0).default(1).describe('a number >= 0'),
})
export type BatchRewardInOrderOptions = Readonly<{ reward: Reward | undefined }> &
  Omit<z.input<typeof batchRewardInOrderOptions>, 'reward'>

/**
 * Adds the reward of the likeliest candidates only: of the `first`, then of the next in order for as long as one of them could still win by
 * `scores + weight * reward`, were its reward better by `spread` (reward-model units) than the best so far. Drops the others. A sequence
 * that has met a reward which was better by more goes on with that as its spread. Stands before `combineScore` and `selectGreedy`.
 *
 * - in: `sequence`, `tokenIds`: Int32[k], `scores`: Float32[k]
 * - out: n <= k of each, + `rewards[reward.name]` (reward-model units): Float32[n]
 * - errors: `OptionError` at call time without a reward; `RewardError` unless the reward gives finite numbers, one a candidate
 *
 * The same choice as `batchReward`'s where no reward is better by more than the spread.
 */
export function batchRewardInOrder<S extends Candidates>(options: BatchRewardInOrderOptions): DescribedOperator<S, S & Rewarded> {
  const { reward, weight, first, spread } = parseOptions(batchRewardInOrderOptions, options)
  const spreads = new WeakMap<object, number>()
  const best = (values: Float32Array): number => values.reduce((high, value) => Math.max(high, weight * value), -Infinity)

  /** How many candidates must have rewards before the choice is clear. */
  const wanted = ({ scores, sequence }: S, rewards: Float32Array): number => {
    if (rewards.length === 0) return Math.min(first, scores.length)
    const leader = rewards.reduce((high, value, i) => Math.max(high, scores[i]! + weight * value), -Infinity)
    const reach = best(rewards) + Math.abs(weight) * (spreads.get(sequence.key) ?? spread)
    return Math.max(rewards.length, scores.findLastIndex((score) => score + reach > leader) + 1)
  }
  const scored = (step: S, rewards: Float32Array): Observable<S & Rewarded> => {
    const count = wanted(step, rewards)
    if (count === rewards.length) return of(cut(step, reward.name, rewards))
    const tokenIds = step.tokenIds.slice(rewards.length, count)
    return from(reward.score(step.sequence, tokenIds)).pipe(
      take(1),
      throwIfEmpty(() => new RewardError(`Reward \`${reward.name}\` gave no rewards`)),
      mergeMap((more) => {
        checkRewards(reward.name, more, tokenIds)
        const gain = rewards.length === 0 ? 0 : (best(more) - best(rewards)) / Math.abs(weight || 1)
        const { key } = step.sequence
        spreads.set(key, Math.max(spreads.get(key) ?? spread, gain))
        return scored(step, Float32Array.of(...rewards, ...more))
      }),
    )
  }
  return described(
    { name: 'batchRewardInOrder', options: { reward: reward.name, weight, first, spread } },
    concatMap((step: S) => scored(step, new Float32Array(0))),
  )
}

function cut<S extends Candidates>(step: S, name: string, rewards: Float32Array): S & Rewarded {
  const { tokenIds, tokenLogits, scores } = step
  const others = 'rewards' in step ? (step as unknown as Rewarded).rewards : {}
  const kept = Object.entries(others).map(([other, values]) => [other, values.slice(0, rewards.length)] as const)
  return {
    ...step,
    tokenIds: tokenIds.slice(0, rewards.length),
    tokenLogits: tokenLogits.slice(0, rewards.length),
    scores: scores.slice(0, rewards.length),
    rewards: { ...Object.fromEntries(kept), [name]: rewards },
  }
}
