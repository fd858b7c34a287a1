import { concatMap, EMPTY, expand, finalize, map, mergeMap, type Observable, of, skip, take, takeWhile, toArray } from 'rxjs'
import * as z from 'zod'
import { sampleTemperature } from '../../operators/sampleTemperature.js'
import { topK } from '../../operators/topK.js'
import { denseLogits } from '../../src/core/denseLogits.js'
import { OptionError } from '../../src/core/errors.js'
import { entropy } from '../../src/core/math.js'
import type { Sequence } from '../../src/core/sequence.js'
import { type LogitsStep, withFields } from '../../src/core/step.js'
import { uniform } from '../../src/core/uniform.js'
import { type TopKSamplingOptions, topKSamplingOptions } from '../decoders/topKSampling.js'
import { type DecodedStep, type Search, scoredSequence, stepsAfter } from '../decoding/decode.js'
import { steps } from '../decoding/steps.js'
import { withOptions } from '../decoding/withOptions.js'
import { finiteValue } from './forks.js'

export const cardsOptions = topKSamplingOptions.extend({
  entropyThreshold: z.number().min(0).default(3).describe('a number >= 0'),
  rewardThreshold: z.number().default(8.5).describe('a finite number'),
  alpha: z.number().min(0).max(1).default(0.5).describe('a number from 0 to 1'),
  beta: z.number().positive().default(0.7).describe('a finite number > 0'),
  rampTokens: z.int().min(1).default(128).describe('an integer >= 1'),
  proposals: z.int().min(1).default(21).describe('an integer >= 1'),
})
export type CardsOptions = TopKSamplingOptions &
  Readonly<{
    /** Entropy in nats at which a segment ends (3). */
    entropyThreshold?: number | undefined
    /** Reward that a segment should reach (8.5). */
    rewardThreshold?: number | undefined
    /** Weight of `rewardThreshold` against the prompt's own reward at the start, from 0 to 1 (0.5). */
    alpha?: number | undefined
    /** Temperature of the acceptance: higher accepts more (0.7). */
    beta?: number | undefined
    /** Tokens over which the threshold rises (128). */
    rampTokens?: number | undefined
    /** How many segments to try before the best one is taken (21). */
    proposals?: number | undefined
  }>

/** Fewest and most tokens of a segment, unless the reply ends, as in the paper's code. */
const LEAST = 4
const MOST = 64

/** A proposed segment, and the reward of the sequence with it. */
type Segment = Readonly<{ steps: readonly DecodedStep[]; reward: number }>
/** State of the search: `taken` holds the steps of a segment just accepted, `best` the best of those rejected since the last one. */
type State = Readonly<{ end: Sequence; isOver: boolean; number: number; taken: readonly DecodedStep[]; best?: Segment }>

/**
 * CARDS, cascade reward sampling: samples a segment by top-k sampling, up to a token of which the language model is unsure (its entropy
 * in nats is at least `entropyThreshold`). The segment is accepted with probability `min(1, exp((reward − threshold) / beta))`, with the
 * reward of prompt and reply so far; otherwise another one is sampled. After `proposals` rejections the one with the highest reward is
 * taken; ties go to the earlier one.
 *
 * The threshold rises from `(1 − alpha) · reward of the prompt + alpha · rewardThreshold` to `rewardThreshold` over `rampTokens` tokens of
 * the reply. Which reward is high depends on the reward model; the default suits the paper's Llama 7B.
 *
 * - needs the logits of all tokens
 *
 * @see Cascade Reward Sampling for Efficient Decoding-Time Alignment (Li et al., 2024), Algorithm 1; CARDS@012cd83 reward_sampling.py
 *   `seg_rs_generate`: segments of 4 to 64 tokens, the last of 21 proposals is not tested
 */
export const cards = withOptions<CardsOptions, Search>('cards', cardsOptions, (parsed) => ({
  search: (models) => {
    const { k, temperature, p, entropyThreshold, rewardThreshold, alpha, beta, rampTokens, proposals } = parsed
    const { lm, reward } = models
    if (!reward) throw new OptionError('Expected `reward` to be a reward to accept segments by, got nothing')
    const decoder = steps(
      map((step: LogitsStep) => withFields(step, { entropy: entropy(denseLogits(step.logits)) })),
      topK({ k }),
      sampleTemperature({ temperature, p }),
    )
    const isSure = (step: DecodedStep, index: number): boolean =>
      index < LEAST || (step as DecodedStep & Readonly<{ entropy: number }>).entropy < entropyThreshold
    return {
      entry: { name: 'cards', options: parsed },
      spec: { steps: [{ cards: { ...parsed, reward: reward.name } }] },
      need: 'all',
      steps: (start, finish) => {
        // Each proposal draws with its own sample number, and its acceptance with another.
        const sample = (number: number): number => 2 * proposals * start.sample + number
        const propose = ({ end, number }: State): Observable<Segment> =>
          // Proposals run one after the other under the same key, so the prefix stays cached.
          stepsAfter({ ...end, sample: sample(number) }, { lm, decoder, finish }).pipe(
            takeWhile(isSure),
            take(MOST),
            toArray(),
            mergeMap((all) => {
              const last = all.at(-1)!
              const value = finiteValue(reward, last.finish ? scoredSequence(last) : last.sequence)
              return value.pipe(map((one) => ({ steps: all, reward: one })))
            }),
          )
        const judge = (state: State, segment: Segment, first: number): State => {
          const best = state.best && state.best.reward >= segment.reward ? state.best : segment
          const { sequence } = segment.steps.at(-1)!
          const risen = first + (sequence.tokenIds.length * (rewardThreshold - first)) / rampTokens
          const likely = Math.exp((segment.reward - Math.min(risen, rewardThreshold)) / beta)
          const random = uniform(start.seed, start.promptId, sample(proposals + state.number), sequence.tokenIds.length)
          const isLast = state.number === proposals - 1
          if (!isLast && random >= likely) return { ...state, taken: [], number: state.number + 1, best }
          const { steps: taken } = isLast ? best : segment
          const last = taken.at(-1)!
          return { end: last.sequence, isOver: last.finish !== undefined, number: 0, taken }
        }
        return finiteValue(reward, start).pipe(
          map((ofPrompt) => (1 - alpha) * ofPrompt + alpha * rewardThreshold),
          mergeMap((first) => {
            const next = (state: State): Observable<State> =>
              state.isOver ? EMPTY : propose(state).pipe(map((segment) => judge(state, segment, first)))
            const begin: State = { end: start, isOver: false, number: 0, taken: [] }
            return of(begin).pipe(expand(next), skip(1))
          }),
          concatMap(({ taken }) => taken),
          map((step) => ({ ...step, sequence: { ...step.sequence, sample: start.sample } })),
          finalize(() => lm.release(start)),
        )
      },
    }
  },
}))
