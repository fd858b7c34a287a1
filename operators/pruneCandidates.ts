import { map } from 'rxjs'
import * as z from 'zod'
import { type DescribedOperator, described } from '../src/core/described.js'
import { ShapeError } from '../src/core/errors.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { cut, registryEntry } from '../src/core/registryEntry.js'
import type { Candidates } from '../src/core/step.js'

export const pruneCandidatesOptions = z.strictObject({ margin: z.number().min(0).describe('a number >= 0') })
export type PruneCandidatesOptions = Readonly<{
  /** How far below the best logit a candidate may be. */
  margin: number
}>

/**
 * Drops candidates whose logit is more than `margin` below the best, so the reward model does not score them. The best always stays.
 * Goes between `topK` and `batchReward`. The result is exact if `weight` times the spread of the rewards never exceeds `margin`.
 *
 * - in: `tokenIds`: Int32[k], `tokenLogits`, `scores`: Float32[k]
 * - out: the same, n <= k of each, in order
 * - errors: `OptionError` at call time unless `margin` is a number >= 0; `ShapeError` for no candidates, for a logit that is NaN,
 *   and for candidates that already have rewards
 *
 * @example steps(topK({ k: 10 }), pruneCandidates({ margin: 4 }), batchReward({ reward }), combineScore({ weight }), selectGreedy())
 */
export function pruneCandidates<S extends Candidates>(options: PruneCandidatesOptions): DescribedOperator<S, S> {
  const { margin } = parseOptions(pruneCandidatesOptions, options, 'pruneCandidates')

  return described(
    { name: 'pruneCandidates', options: { margin } },
    map((step: S) => {
      const { tokenIds, tokenLogits, scores } = step
      if (tokenLogits.length === 0) throw new ShapeError('Expected at least one candidate, got none')
      if ('rewards' in step) throw new ShapeError('Expected candidates without rewards: prune them before they are scored')
      const best = tokenLogits.reduce((high, logit) => Math.max(high, logit))
      if (Number.isNaN(best)) throw new ShapeError('Expected logits that are numbers, got NaN')
      const near = (_: number, index: number) => tokenLogits[index]! >= best - margin
      return { ...step, tokenIds: tokenIds.filter(near), tokenLogits: tokenLogits.filter(near), scores: scores.filter(near) }
    }),
  )
}

export const pruneCandidatesEntry = registryEntry(
  'drops candidates whose logit is more than the margin below the best',
  pruneCandidatesOptions,
  { needs: ['scores'], changes: cut },
  (options) => pruneCandidates(options),
)
