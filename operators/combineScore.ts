import { map } from 'rxjs'
import * as z from 'zod'
import { type DescribedOperator, described } from '../src/core/described.js'
import { ShapeError } from '../src/core/errors.js'
import { fp32Number } from '../src/core/fp32Number.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { registryEntry } from '../src/core/registryEntry.js'
import type { Rewarded } from '../src/core/step.js'

export const combineScoreOptions = z.strictObject({
  weight: fp32Number,
  reward: z.string().min(1).optional().describe('the name of a reward'),
})
export type CombineScoreOptions = Readonly<{
  /** Weight of the reward. */
  weight: number
  /** Name of the reward; needed if the step has several. */
  reward?: string | undefined
}>

/**
 * Adds a weighted reward to each candidate's score: `scores[i] + weight * rewards[i]` (Eq. 2 when only one reward is combined).
 *
 * - in: `scores` (logits at first), `rewards[name]` (reward-model units): Float32[k]
 * - out: `scores`: Float32[k], same order
 * - errors: `OptionError` at call time unless `weight` is finite in fp32; `ShapeError` if `reward` must choose among several, and for a
 *   sum that is not finite in fp32
 *
 * Log-probabilities would select the same token: they differ from logits by a constant per step.
 *
 * @see ARGS (Khanov et al., 2024); args@db0e1c1 argsearch.py `generate_step`
 */
export function combineScore<S extends Rewarded>(options: CombineScoreOptions): DescribedOperator<S, S> {
  const parsed = parseOptions(combineScoreOptions, options, 'combineScore')
  const { weight, reward } = parsed

  return described(
    { name: 'combineScore', options: parsed },
    map((step: S): S => {
      const rewards = rewardsOf(step, reward)
      const scores = step.scores.map((score, i) => score + weight * rewards[i]!)
      const over = scores.findIndex((score, i) => !Number.isFinite(score) && Number.isFinite(step.scores[i]))
      if (over === -1) return { ...step, scores }
      throw new ShapeError(
        `Expected scores that fp32 can hold, got ${scores[over]} from ${step.scores[over]} + weight ${weight} · reward ${rewards[over]}: use a smaller weight`,
      )
    }),
  )
}

/** Returns the only rewards, or those of the name. */
function rewardsOf({ rewards, scores }: Rewarded, name: string | undefined): Float32Array {
  const names = Object.keys(rewards)
  if (name === undefined && names.length !== 1)
    throw new ShapeError(`Expected one reward to combine or \`reward\` to name one, got ${names.join(', ') || 'none'}`)
  const found = rewards[name ?? names[0]!]
  if (!found) throw new ShapeError(`Expected rewards named \`${name}\`, got ${names.join(', ') || 'none'}`)
  if (found.length !== scores.length)
    throw new ShapeError(`Expected ${scores.length} rewards, one per candidate, got ${found.length}`)
  return found
}

export const combineScoreEntry = registryEntry(
  'adds the weighted reward to the scores',
  combineScoreOptions,
  { needs: ['rewards'], changes: ['scores'] },
  (options) => combineScore(options),
)
