import {
  concatMap,
  defer,
  EMPTY,
  expand,
  finalize,
  map,
  mergeMap,
  type Observable,
  of,
  range,
  reduce,
  skip,
  take,
  tap,
  toArray,
} from 'rxjs'
import * as z from 'zod'
import { OptionError } from '../../src/core/errors.js'
import type { Sequence } from '../../src/core/sequence.js'
import { topKSampling } from '../decoders/topKSampling.js'
import { type DecodedStep, type Search, scoredSequence, stepsAfter } from '../decoding/decode.js'
import { withOptions } from '../decoding/withOptions.js'
import { type BestOfNOptions, bestOfNOptions } from './bestOfN.js'
import { finiteValue, freeFork } from './forks.js'

export const blockBestOfNOptions = bestOfNOptions.extend({
  blockTokens: z.int().min(1).default(32).describe('an integer >= 1'),
})
export type BlockBestOfNOptions = BestOfNOptions &
  Readonly<{
    /** Tokens of a block (32). */
    blockTokens?: number | undefined
  }>

/** A sampled block, number `number` of n, and the reward of the sequence up to its end. */
type Block = Readonly<{ steps: readonly DecodedStep[]; end: Sequence; isOver: boolean; reward: number; number: number }>

/**
 * Block-wise best of n: samples n blocks of `blockTokens` tokens by top-k sampling, keeps the block with the highest reward of prompt and
 * reply so far, and continues from it until the reply ends. Ties go to the earlier block. The last block may be shorter. All n are decoded
 * at once, so a prompt takes n times the memory.
 *
 * With one token per block it is a search token by token. With blocks as long as the reply it is best of n, with the same samples.
 *
 * @see Controlled Decoding from Language Models (Mudgal et al., 2024), blockwise best-of-K with M tokens per block; the reward
 *   replaces their prefix scorer
 */
export const blockBestOfN = withOptions<BlockBestOfNOptions, Search>(
  'blockBestOfN',
  blockBestOfNOptions,
  ({ n, blockTokens, ...sampling }) => ({
    search: (models) => {
      const { lm, reward } = models
      if (!reward) throw new OptionError('Expected `reward` to be a reward to choose the best block by, got nothing')
      const decoder = topKSampling(sampling)(models)
      return {
        entry: { name: 'block-best-of-n', options: { ...sampling, n, blockTokens } },
        spec: { steps: [{ blockBestOfN: { ...sampling, n, blockTokens, reward: reward.name } }] },
        need: decoder.need,
        sequences: n,
        steps: (start, finish) => {
          const live = new Map<object, Sequence>()
          const free = (kept?: Sequence): void => {
            for (const [key, fork] of live) {
              if (key === kept?.key) continue
              live.delete(key)
              freeFork(models, fork)
            }
          }
          const sampleBlock = (before: Sequence, number: number): Observable<Block> =>
            defer(() => {
              // The first fork inherits the cache; the others copy from it.
              const fork = { ...before, key: number === 0 ? before.key : {}, sample: start.sample * n + number }
              live.set(fork.key, fork)
              return stepsAfter(fork, { lm, decoder, finish }).pipe(
                take(blockTokens),
                toArray(),
                mergeMap((steps) => {
                  const last = steps.at(-1)!
                  const isOver = last.finish !== undefined
                  const value = finiteValue(reward, isOver ? scoredSequence(last) : last.sequence)
                  return value.pipe(map((total) => ({ steps, end: last.sequence, isOver, reward: total, number })))
                }),
              )
            })
          const next = ({ end, isOver }: Pick<Block, 'end' | 'isOver'>): Observable<Block> =>
            isOver
              ? EMPTY
              : range(0, n).pipe(
                  mergeMap((number) => sampleBlock(end, number)),
                  reduce((best, each) => (isBetter(each, best) ? each : best)),
                  tap((best) => free(best.end)),
                )
          const blocks = of({ end: start, isOver: false }).pipe(expand(next), skip(1)) as Observable<Block>
          return blocks.pipe(
            concatMap(({ steps }) => steps),
            map((step) => ({ ...step, sequence: { ...step.sequence, key: start.key, sample: start.sample } })),
            finalize(() => free()),
          )
        },
      }
    },
  }),
)

/** Blocks arrive in the order in which they finish, so ties compare their numbers. */
const isBetter = (one: Block, other: Block): boolean =>
  one.reward > other.reward || (one.reward === other.reward && one.number < other.number)
