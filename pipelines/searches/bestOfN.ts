import { defer, finalize, map, mergeMap, type Observable, range, reduce, toArray } from 'rxjs'
import * as z from 'zod'
import { OptionError } from '../../src/core/errors.js'
import type { Sequence } from '../../src/core/sequence.js'
import type { Decoder, DecoderModels } from '../../src/core/step.js'
import { type TopKSamplingOptions, topKSampling, topKSamplingOptions } from '../decoders/topKSampling.js'
import { type BoundSearch, type DecodedStep, perToken, type Search, scoredSequence } from '../decoding/decode.js'
import { withOptions } from '../decoding/withOptions.js'
import { finiteValue, freeFork } from './forks.js'

/** All n replies are in memory at once. */
const MOST = 65_536

export const bestOfNOptions = topKSamplingOptions.extend({
  n: z.int().min(1).max(MOST).default(8).describe(`an integer from 1 to ${MOST}`),
})
export type BestOfNOptions = TopKSamplingOptions &
  Readonly<{
    /** How many replies to sample (8). */
    n?: number | undefined
  }>

type Sampled = Readonly<{ steps: readonly DecodedStep[]; reward: number; number: number }>

/**
 * Best of n: samples n replies by top-k sampling and keeps the one with the highest reward of prompt and reply; ties go to the earlier
 * one. The replies equal those of top-k sampling with `samples: n`, so sample i of a row chooses among the samples
 * `i * n … i * n + n - 1`. All n are decoded at once, so a prompt takes n times the memory.
 *
 * @see Learning to summarize from human feedback (Stiennon et al., 2020), section 4.3; ARGS (Khanov et al., 2024), Table 10
 */
export const bestOfN = withOptions<BestOfNOptions, Search>('bestOfN', bestOfNOptions, ({ n, ...sampling }) =>
  bestReply({ name: 'best-of-n', options: { ...sampling, n } }, topKSampling(sampling), n),
)

/** Samples n replies with a decoder and keeps the one with the highest reward. */
export const bestReply = (entry: BoundSearch['entry'], sampler: Decoder, n: number): Search => ({
  search: (models: DecoderModels): BoundSearch => {
    const { reward } = models
    if (!reward) throw new OptionError('Expected `reward` to be a reward to choose the best of n replies by, got nothing')
    const one = perToken(sampler).search(models)
    return {
      entry,
      spec: { steps: [...(one.spec?.steps ?? []), { bestOfN: { n, reward: reward.name } }] },
      need: one.need,
      sequences: n,
      steps: (start, finish) => {
        const sampleReply = (number: number): Observable<Sampled> =>
          defer(() => {
            const fork: Sequence = { ...start, key: {}, sample: start.sample * n + number }
            return one.steps(fork, finish).pipe(
              toArray(),
              mergeMap((steps) =>
                finiteValue(reward, scoredSequence(steps.at(-1)!)).pipe(map((value) => ({ steps, reward: value, number }))),
              ),
              finalize(() => freeFork(models, fork)),
            )
          })
        return range(0, n).pipe(
          mergeMap(sampleReply),
          reduce((best, each) => (isBetter(each, best) ? each : best)),
          mergeMap(({ steps }) =>
            steps.map((step) => ({ ...step, sequence: { ...step.sequence, key: start.key, sample: start.sample } })),
          ),
        )
      },
    }
  },
})

/** Replies arrive in the order in which they finish, so ties compare their numbers. */
const isBetter = (one: Sampled, other: Sampled): boolean =>
  one.reward > other.reward || (one.reward === other.reward && one.number < other.number)
