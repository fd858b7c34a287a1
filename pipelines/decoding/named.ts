import * as z from 'zod'
import { OptionError } from '../../src/core/errors.js'
import type { LanguageModel, Reward } from '../../src/core/model.js'
import { didYouMean } from '../../src/core/nearest.js'
import type { DecoderModels } from '../../src/core/step.js'

/** A reward as data is its name; none: the first one. */
export const rewardName = z.strictObject({ reward: z.string().min(1).optional().describe('the name of a reward') })

/** A language model as data is its name; none: the one that decodes. */
export const lmName = z.strictObject({ lm: z.string().min(1).optional().describe('the name of a language model') })

/** @throws OptionError for a name that no reward has; undefined where none is named and there is none */
export function rewardNamed(name: string | undefined, { reward, rewards }: DecoderModels): Reward | undefined {
  if (name === undefined) return reward
  const found = rewards.get(name)
  if (found) return found
  const names = [...rewards.keys()]
  const [known, hint] = [names.join(', ') || 'none', didYouMean(name, names)]
  throw new OptionError(`Expected \`reward\` to be one of the rewards (${known}), got \`${name}\`${hint}`, ['reward'])
}

/** @throws OptionError for a name that no further language model has; `lm` itself where none is named */
export function lmNamed(name: string | undefined, { lm, lms }: DecoderModels): LanguageModel {
  if (name === undefined || name === lm.name) return lm
  const found = lms.get(name)
  if (found) return found
  const names = [...lms.keys()]
  const [known, hint] = [names.join(', ') || 'none', didYouMean(name, names)]
  throw new OptionError(`Expected \`lm\` to be one of the further language models (${known}), got \`${name}\`${hint}`, ['lm'])
}
