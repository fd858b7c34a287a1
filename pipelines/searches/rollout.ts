import { concatMap, defer, finalize, forkJoin, last, map, mergeMap, type Observable, of, startWith, take } from 'rxjs'
import * as z from 'zod'
import { selectGreedy } from '../../operators/selectGreedy.js'
import { topK, topKOptions } from '../../operators/topK.js'
import type { Sequence } from '../../src/core/sequence.js'
import { type Candidates, type DecoderModels, type Rewarded, type StepOperator, withFields } from '../../src/core/step.js'
import { greedy } from '../decoders/greedy.js'
import { type DecodedStep, decode, type Search, scoredSequence } from '../decoding/decode.js'
import { type Weight, type Weighted, weighted, weightOption } from '../decoding/perReward.js'
import { steps } from '../decoding/steps.js'
import { withOptions } from '../decoding/withOptions.js'
import { finiteValue, freeFork } from './forks.js'

export const rolloutOptions = z.strictObject({
  k: topKOptions.shape.k.default(10).describe('an integer >= 1'),
  weight: weightOption.default(1).describe('a finite number, or finite numbers by reward name'),
  rolloutTokens: z.int().min(0).default(16).describe('an integer >= 0'),
})
export type RolloutOptions = Readonly<{
  /** How many of the likeliest tokens become candidates (10). */
  k?: number | undefined
  /** Weight of the first reward, or weights by reward name (1). */
  weight?: Weight | undefined
  /** Greedy tokens after each candidate before its reward is read (16). */
  rolloutTokens?: number | undefined
}>

type Finished = Parameters<ReturnType<Search['search']>['steps']>[1]
type Reading = Readonly<{
  models: DecoderModels
  /** Decodes the rollouts. */
  baseline: StepOperator
  rewards: readonly Weighted[]
  rolloutTokens: number
  finish: Finished
}>

/**
 * Rollouts: appends greedy tokens to each of the k likeliest tokens, reads the reward after them, and selects the token with the highest
 * `logit + weight * reward`. A rollout ends where a reply would: at an end token, a stop string, or the token limit. The rollouts of a
 * step are decoded at once, together with those of other prompts.
 *
 * Transfer Q* estimates the value of a token from a whole trajectory of a baseline model. Here the baseline is the language model itself,
 * and a trajectory has at most `rolloutTokens` more tokens. With a whole reply's tokens it is the paper's method; with none it is ARGS.
 * `weight` is the paper's 1/alpha. The paper samples from these scores; here the best token is selected.
 *
 * - ties: the likelier token wins, then the lower id
 * - a step's rewards are those of the rollouts
 *
 * @see Transfer Q*: Principled Decoding for LLM Alignment (Chakraborty et al., 2024), Algorithm 1 (k = 10, alpha = 1)
 */
export const rollout = withOptions<RolloutOptions, Search>('rollout', rolloutOptions, ({ k, weight, rolloutTokens }) => ({
  search: (models) => {
    const rewards = weighted(models, weight, 1)
    const baseline = greedy()(models)
    return {
      entry: { name: 'rollout', options: { k, weight, rolloutTokens } },
      spec: { steps: [{ rollout: { k, weight, rolloutTokens } }] },
      need: k,
      sequences: k,
      steps: (start, finish) => {
        const reading: Reading = { models, baseline, rewards, rolloutTokens, finish }
        const decoder = steps(
          topK({ k }),
          concatMap((step) => scoreCandidates(step, reading)),
          selectGreedy(),
        )
        return decode(start, { lm: models.lm, decoder, finish })
      },
    }
  },
}))

/** Adds the rewards after the rollouts, and adds them to the scores. */
function scoreCandidates<S extends Candidates>(step: S, reading: Reading): Observable<S & Rewarded> {
  const all = Array.from(step.tokenIds, (tokenId, index) => rewardsAfter(step.sequence, tokenId, index === 0, reading))
  return forkJoin(all).pipe(
    map((values) => {
      const of = (at: number) => Float32Array.from(values, (one) => one[at]!)
      const rewards = Object.fromEntries(reading.rewards.map(({ reward }, at) => [reward.name, of(at)]))
      const scores = step.scores.map((logit, index) =>
        reading.rewards.reduce((score, { reward, weight }) => score + weight * rewards[reward.name]![index]!, logit),
      )
      return withFields(step, { rewards, scores })
    }),
  )
}

/** Reads each reward of the sequence with a candidate and its rollout. */
function rewardsAfter(sequence: Sequence, tokenId: number, isFirst: boolean, reading: Reading): Observable<number[]> {
  const { models, baseline, rewards, rolloutTokens, finish } = reading
  return defer(() => {
    const fork: Sequence = { ...sequence, key: {}, tokenIds: [...sequence.tokenIds, tokenId] }
    const first: Pick<DecodedStep, 'sequence' | 'finish'> = { sequence: fork, finish: finish(fork) }
    const further = decode(fork, { lm: models.lm, decoder: baseline, finish }).pipe(take(rolloutTokens))
    const end = first.finish ? of(first) : further.pipe(startWith(first), last())
    return end.pipe(
      mergeMap((step) => {
        const rolled = step.finish ? scoredSequence(step) : step.sequence
        // Rewards read one rollout under the sequence's own key, so the prefix stays cached for the next step.
        const read = isFirst ? { ...rolled, key: sequence.key } : rolled
        return forkJoin(rewards.map(({ reward }) => finiteValue(reward, read)))
      }),
      finalize(() => freeFork(models, fork)),
    )
  })
}
