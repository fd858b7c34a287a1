import { defer, forkJoin, map, type Observable, take } from 'rxjs'
import { checkRewards } from '../../src/core/checkRewards.js'
import type { Reward } from '../../src/core/model.js'
import type { EnsembleReward, EnsembleRule } from '../../src/core/rewardSource.js'
import { runningScale, type Scale } from './runningScale.js'

type Combine = (values: readonly number[], options: Readonly<{ weights: readonly number[]; c: number }>) => number

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

const rules: Readonly<Record<EnsembleRule, Combine>> = {
  sum: (values, { weights }) => values.reduce((sum, value, i) => sum + weights[i]! * value, 0),
  min: (values) => Math.min(...values),
  mean: (values, { c }) => {
    const mean = meanOf(values)
    return mean - c * Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)))
  },
}

/**
 * Makes a reward of an ensemble and its members, `rewards`, in order. The members run side by side.
 *
 * - errors: the members' own; `RewardError` unless a member returns one finite number per candidate
 *
 * @see ensembleReward for what it computes
 */
export function ensemble(source: EnsembleReward, rewards: readonly Reward[]): Reward {
  const { name, members, by, c, running } = source
  const weights = members.map((member) => source.weight[member] ?? 1)
  const fixedScales: readonly Scale[] = members.map((member) => ({
    mean: source.mean[member] ?? 0,
    scale: source.scale[member] ?? 1,
  }))
  const ran = members.map(runningScale)
  const combine = (values: readonly number[], scales: readonly Scale[]): number =>
    rules[by](
      values.map((value, i) => (value - scales[i]!.mean) / scales[i]!.scale),
      { weights, c },
    )

  return {
    name,
    members,
    score: (sequence, candidateIds): Observable<Float32Array> =>
      forkJoin(rewards.map((reward) => defer(() => reward.score(sequence, candidateIds)).pipe(take(1)))).pipe(
        map((scored) => {
          scored.forEach((scores, i) => {
            checkRewards(members[i]!, scores, { candidates: candidateIds })
          })
          const scales = running ? scored.map((scores, i) => ran[i]!(sequence, candidateIds, scores)) : fixedScales
          return Float32Array.from(candidateIds, (_, at) =>
            combine(
              scored.map((scores) => scores[at]!),
              scales,
            ),
          )
        }),
      ),
    value: (sequence) =>
      forkJoin(rewards.map((reward) => defer(() => reward.value(sequence)).pipe(take(1)))).pipe(
        map((values) => combine(values, fixedScales)),
      ),
    release: (sequence) => {
      for (const reward of rewards) reward.release?.(sequence)
    },
  }
}
