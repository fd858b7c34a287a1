import * as z from 'zod'
import { batchRewardOptions } from '../../operators/batchReward.js'
import { combineScoreOptions } from '../../operators/combineScore.js'
import type { DescribedOperator } from '../../src/core/described.js'
import { OptionError } from '../../src/core/errors.js'
import type { Reward } from '../../src/core/model.js'
import { parseOptions } from '../../src/core/parseOptions.js'
import { type NamedReward, orderedRewards } from '../../src/core/rewardSource.js'
import type { Candidates, DecoderModels, Rewarded } from '../../src/core/step.js'
import { chain } from './steps.js'

/** The weight of the first reward that steers, or weights by reward name. */
export type Weight = number | Readonly<Record<string, number>>

const { weight: finite } = combineScoreOptions.shape
export const weightOption = z
  .union([finite, z.record(z.string().min(1), finite)])
  .default(1.5)
  .describe('a finite number, or finite numbers by reward name')
const DEFAULT_WEIGHT = weightOption.parse(undefined) as number

/**
 * Returns the weight of each reward, by name. Rewards without one get `otherwise`; members of ensembles get 0.
 *
 * @throws OptionError for the weight of an unknown reward
 */
export function weightsOf(
  rewards: readonly NamedReward[],
  weight: Weight,
  otherwise = DEFAULT_WEIGHT,
): Readonly<Record<string, number>> {
  const names = orderedRewards(rewards).map(({ name }) => name)
  const members = new Set(rewards.flatMap((each) => each.members ?? []))
  const byName: Readonly<Record<string, number>> =
    typeof weight !== 'number' ? weight : names.length > 0 ? { [names[0]!]: weight } : {}
  const foreign = Object.keys(byName).find((name) => !names.includes(name))
  if (foreign !== undefined)
    throw new OptionError(`Expected \`weight\` to name rewards (${names.join(', ') || 'there are none'}), got \`${foreign}\``)
  return Object.fromEntries(names.map((name) => [name, byName[name] ?? (members.has(name) ? 0 : otherwise)]))
}

/** A reward with its weight. */
export type Weighted = Readonly<{ reward: Reward; weight: number }>

/**
 * Returns the rewards that a decoder combines, in order, with their weights.
 *
 * @throws OptionError if there is no reward, and for the weight of an unknown reward
 */
export function weighted({ reward: first, rewards }: DecoderModels, weight: Weight, otherwise = DEFAULT_WEIGHT): Weighted[] {
  const { reward } = parseOptions(batchRewardOptions, { reward: first })
  const all = rewards.size > 0 ? [...rewards.values()] : [reward]
  const weights = weightsOf(all, weight, otherwise)
  return all.map((one) => ({ reward: one, weight: weights[one.name]! }))
}

type Chain<S extends Candidates> = readonly [
  DescribedOperator<S, S & Rewarded>,
  ...DescribedOperator<S & Rewarded, S & Rewarded>[],
]

/**
 * Chains the operators of each reward into one operator. In the decoder's spec each of them is a step.
 *
 * @example perReward(weighted(models, weight), ({ reward, weight }) => [batchReward({ reward }), combineScore({ reward: reward.name, weight })])
 */
export function perReward<S extends Candidates>(
  rewards: readonly Weighted[],
  operators: (one: Weighted, index: number) => Chain<S>,
): DescribedOperator<S, S & Rewarded> {
  const parts = rewards.flatMap<DescribedOperator<never, unknown>>(operators)
  return Object.assign(chain<S, S & Rewarded>(parts), { parts })
}
