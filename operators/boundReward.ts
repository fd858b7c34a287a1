import { map } from 'rxjs'
import * as z from 'zod'
import { type DescribedOperator, described } from '../src/core/described.js'
import { ShapeError } from '../src/core/errors.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { registryEntry } from '../src/core/registryEntry.js'
import type { Rewarded } from '../src/core/step.js'

export const boundRewardOptions = z.strictObject({
  by: z.enum(['clamp', 'sigmoid']).default('clamp').describe('one of clamp, sigmoid'),
  reward: z.string().min(1).optional().describe('the name of a reward'),
})
export type BoundRewardOptions = Readonly<{
  /** `clamp` cuts off at 0 and 1 (default), `sigmoid` is the logistic function. */
  by?: 'clamp' | 'sigmoid' | undefined
  /** Name of the reward; all rewards by default. */
  reward?: string | undefined
}>

const bounds = {
  clamp: (value: number) => Math.min(1, Math.max(0, value)),
  sigmoid: (value: number) => 1 / (1 + Math.exp(-value)),
}

/**
 * Maps rewards into [0, 1]. `clamp` (default) cuts them off, for reward models trained to return such numbers. `sigmoid` applies the
 * logistic function, for reward models trained on pairs, whose rewards are log-odds. Goes between `batchReward` and `combineScore`.
 *
 * - in, out: `rewards[name]`: Float32[k]; all rewards by default
 * - errors: `OptionError` at call time for another `by`; `ShapeError` for a missing reward
 *
 * @see Reward-Augmented Decoding (Deng and Raffel, 2023), section 2.1; RAD@280be3c utils/logits_processor.py, which clamps
 */
export function boundReward<S extends Rewarded>(options: BoundRewardOptions = {}): DescribedOperator<S, S> {
  const { by, reward } = parseOptions(boundRewardOptions, options, 'boundReward')
  const boundValues = (values: Float32Array): Float32Array => values.map(bounds[by])

  return described(
    { name: 'boundReward', options: { ...options } },
    map((step: S): S => {
      const names = Object.keys(step.rewards)
      if (reward !== undefined && !names.includes(reward))
        throw new ShapeError(`Expected rewards named \`${reward}\`, got ${names.join(', ') || 'none'}`)
      const changed = Object.entries(step.rewards).map(([name, values]) =>
        reward === undefined || name === reward ? [name, boundValues(values)] : [name, values],
      )
      return { ...step, rewards: Object.fromEntries(changed) }
    }),
  )
}

export const boundRewardEntry = registryEntry(
  'maps rewards into [0, 1]',
  boundRewardOptions,
  { needs: ['rewards'], changes: ['rewards'] },
  (options) => boundReward(options),
)
