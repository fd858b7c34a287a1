import * as z from 'zod'
import { OptionError } from '../src/core/errors.js'
import { didYouMean } from '../src/core/nearest.js'
import type { DecoderModels, Reward } from '../src/core/types.js'

/** A reward as data is its name; none: the first one. */
export const rewardName = z.strictObject({ reward: z.string().min(1).optional().describe('the name of a reward') })

/** @throws OptionError for a name that no reward has; undefined where none is named and there is none */
export function rewardNamed(name: string | undefined, { reward, rewards }: DecoderModels): Reward | undefined {
  if (name === undefined) return reward
  const found = rewards.get(name)
  if (found) return found
  const names = [...rewards.keys()]
  const [known, hint] = [names.join(', ') || 'none', didYouMean(name, names)]
  throw new OptionError(`Expected \`reward\` to be one of the rewards (${known}), got \`${name}\`${hint}`, ['reward'])
}
