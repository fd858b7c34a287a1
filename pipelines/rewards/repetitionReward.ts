import * as z from 'zod'
import { parseOptions } from '../../src/core/parseOptions.js'
import type { TextReward } from '../../src/core/rewardSource.js'
import { replyReward } from './replyReward.js'

const units = {
  words: (text: string) => text.split(/\s+/).filter((word) => word !== ''),
  characters: (text: string) => Array.from(text),
}

export const repetitionRewardOptions = z.strictObject({
  n: z.int().min(1).default(3).describe('an integer >= 1'),
  unit: z.enum(['words', 'characters']).default('words').describe('one of words, characters'),
})
export type RepetitionRewardOptions = Readonly<{
  /** Length of the n-grams (3). */
  n?: number | undefined
  /** What an n-gram consists of (`words`). */
  unit?: 'words' | 'characters' | undefined
}>

/**
 * Penalises repetition: minus the share of n-grams that repeat an earlier one, `-(1 - distinct / all)`, at best 0.
 *
 * `unit`: words, or characters for languages without spaces between words.
 *
 * @throws OptionError for an invalid option
 * @see rep-n, A Contrastive Framework for Neural Text Generation (Su et al., 2022)
 */
export function repetitionReward(name: string, options: RepetitionRewardOptions = {}): TextReward {
  const { n, unit } = parseOptions(repetitionRewardOptions, options, 'repetitionReward')
  return replyReward(name, { repetition: { n, unit } }, ({ completion }) => {
    const parts = units[unit](completion)
    const grams = Array.from({ length: Math.max(0, parts.length - n + 1) }, (_, at) => parts.slice(at, at + n).join('\u0000'))
    return grams.length === 0 ? 0 : new Set(grams).size / grams.length - 1
  })
}
