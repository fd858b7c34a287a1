import type * as z from 'zod'
import { OptionError } from '../../src/core/errors.js'
import { didYouMean } from '../../src/core/nearest.js'
import { parseOptions } from '../../src/core/parseOptions.js'
import type { EnsembleReward, TextReward } from '../../src/core/rewardSource.js'
import { ensembleReward, ensembleRewardOptions } from './ensembleReward.js'
import { jsonReward, jsonRewardOptions } from './jsonReward.js'
import { lengthReward, lengthRewardOptions } from './lengthReward.js'
import { regexReward, regexRewardOptions } from './regexReward.js'
import { repetitionReward, repetitionRewardOptions } from './repetitionReward.js'
import { wordsReward, wordsRewardOptions } from './wordsReward.js'

/** A reward function: the schema of its options, and how to make it. */
export type RewardFunction = Readonly<{
  options: z.ZodObject
  make: (name: string, options: unknown) => TextReward | EnsembleReward
}>

const entry = <T extends z.ZodObject>(
  options: T,
  make: (name: string, options: z.output<T>) => TextReward | EnsembleReward,
): RewardFunction => ({
  options,
  make: (name, values) => make(name, parseOptions(options, values)),
})

/** The reward functions under the names of the command line. */
export const rewardFunctions: Readonly<Record<string, RewardFunction>> = {
  length: entry(lengthRewardOptions, lengthReward),
  regex: entry(regexRewardOptions, regexReward),
  json: entry(jsonRewardOptions, jsonReward),
  repetition: entry(repetitionRewardOptions, repetitionReward),
  words: entry(wordsRewardOptions, wordsReward),
  ensemble: entry(ensembleRewardOptions, ensembleReward),
}

/**
 * Makes a reward function from its name and options.
 *
 * @throws OptionError for an unknown function and an unknown or invalid option
 * @example rewardByName('short', 'length', { target: 200 })
 */
export function rewardByName(name: string, of: string, options: unknown = {}): TextReward | EnsembleReward {
  if (!Object.hasOwn(rewardFunctions, of))
    throw new OptionError(
      `Expected a reward function (${Object.keys(rewardFunctions).join(', ')}), got \`${of}\`${didYouMean(of, Object.keys(rewardFunctions))}`,
    )
  return rewardFunctions[of]!.make(name, options)
}
