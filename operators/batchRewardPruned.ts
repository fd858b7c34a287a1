import { map, pipe, tap } from 'rxjs'
import * as z from 'zod'
import { type DescribedOperator, described } from '../src/core/described.js'
import { fp32Number } from '../src/core/fp32Number.js'
import { standardDeviation } from '../src/core/math.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { cut, registryEntry, rewardName, rewardNamed, scoring } from '../src/core/registryEntry.js'
import type { Candidates, Rewarded } from '../src/core/step.js'
import { type BatchRewardOptions, batchReward, batchRewardOptions } from './batchReward.js'

export const batchRewardPrunedOptions = batchRewardOptions.extend({
  weight: fp32Number,
  reach: z.number().min(0).default(5).describe('a number >= 0'),
  warmUp: z.int().min(1).default(2).describe('an integer >= 1'),
})
export type BatchRewardPrunedOptions = BatchRewardOptions &
  Readonly<{
    /** Weight of the reward. */
    weight: number
    /** How many standard deviations of the rewards a candidate may make up for (5). */
    reach?: number | undefined
    /** The first steps of a sequence that score all candidates (2). */
    warmUp?: number | undefined
  }>

type Spread = Readonly<{ steps: number; total: number }>

/**
 * Adds the reward of candidates that can still win, and drops the others. A candidate can win if a reward better by `reach` standard
 * deviations, times `weight`, closes the gap to the best score. The deviation is the mean over the sequence's steps so far; the first
 * `warmUp` steps score all candidates. The best candidate always stays. Goes before `combineScore`.
 *
 * - in: `sequence`, `tokenIds`: Int32[k], `scores`: Float32[k]
 * - out: n <= k of each, in order, + `rewards[reward.name]` (reward-model units): Float32[n]
 * - errors: those of `batchReward`, and `OptionError` at call time for an invalid option
 *
 * The choice depends on the sequence alone, never on load.
 *
 * @see pruneCandidates, which takes a fixed margin
 */
export function batchRewardPruned<S extends Candidates>(options: BatchRewardPrunedOptions): DescribedOperator<S, S & Rewarded> {
  const { reward, weight, reach, warmUp } = parseOptions(batchRewardPrunedOptions, options, 'batchRewardPruned')
  const spreads = new WeakMap<object, Spread>()

  const marginOf = ({ key }: S['sequence']): number => {
    const { steps, total } = spreads.get(key) ?? { steps: 0, total: 0 }
    return steps < warmUp ? Number.POSITIVE_INFINITY : reach * Math.abs(weight) * (total / steps)
  }
  const learn = ({ sequence: { key }, rewards }: Rewarded): void => {
    const values = rewards[reward.name]!
    if (values.length < 2) return // one reward has no spread
    const { steps, total } = spreads.get(key) ?? { steps: 0, total: 0 }
    spreads.set(key, { steps: steps + 1, total: total + standardDeviation(values) })
  }
  return described(
    { name: 'batchRewardPruned', options: { reward: reward.name, weight, reach, warmUp } },
    pipe(
      map((step: S) => within(step, marginOf(step.sequence))),
      batchReward<S>({ reward }),
      tap((step: S & Rewarded) => learn(step)),
    ),
  )
}

/** Keeps the candidates whose score is at most `margin` below the best. */
function within<S extends Candidates>(step: S, margin: number): S {
  const { tokenIds, tokenLogits, scores } = step
  const least = scores.reduce((high, score) => Math.max(high, score), Number.NEGATIVE_INFINITY) - margin
  const near = (_: number, index: number) => scores[index]! >= least
  const rewards = 'rewards' in step && {
    rewards: Object.fromEntries(
      Object.entries((step as unknown as Rewarded).rewards).map(([name, all]) => [name, all.filter(near)]),
    ),
  }
  return {
    ...step,
    ...rewards,
    tokenIds: tokenIds.filter(near),
    tokenLogits: tokenLogits.filter(near),
    scores: scores.filter(near),
  }
}

export const batchRewardPrunedEntry = registryEntry(
  'scores the candidates that can still win and drops the others',
  batchRewardPrunedOptions.extend(rewardName.shape),
  { ...scoring, changes: cut },
  ({ reward, ...options }, models) => batchRewardPruned({ reward: rewardNamed(reward, models), ...options }),
)
