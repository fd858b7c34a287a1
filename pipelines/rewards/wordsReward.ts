import * as z from 'zod'
import { OptionError } from '../../src/core/errors.js'
import { parseOptions } from '../../src/core/parseOptions.js'
import type { TextReward } from '../../src/core/rewardSource.js'
import { replyReward } from './replyReward.js'

const list = z.array(z.string().trim().min(1)).readonly().default([]).describe('a list of words')

export const wordsRewardOptions = z.strictObject({ wanted: list, banned: list })
export type WordsRewardOptions = Readonly<{
  /** Each of these adds 1 if it occurs. */
  wanted?: readonly string[] | undefined
  /** Each occurrence of one of these subtracts 1. */
  banned?: readonly string[] | undefined
}>

/**
 * Counts the wanted words that occur in the completion, minus all occurrences of banned ones. It matches whole words in any case; an entry
 * may have several words (`of course`).
 *
 * @throws OptionError for an invalid option, and for no words at all
 * @example wordsReward('polite', { wanted: ['please'], banned: ['stupid', 'shut up'] })
 */
export function wordsReward(name: string, options: WordsRewardOptions): TextReward {
  const { wanted, banned } = parseOptions(wordsRewardOptions, options, 'wordsReward')
  if (wanted.length + banned.length === 0) throw new OptionError('Expected `wanted` or `banned` words, got neither')
  const wantedWords = [...new Set(wanted.map((word) => word.toLowerCase()))].map((word) => anyOf([word]))
  const bannedWords = anyOf(banned)
  return replyReward(
    name,
    { words: { wanted, banned } },
    ({ completion }) =>
      wantedWords.filter((word) => completion.search(word) !== -1).length - Array.from(completion.matchAll(bannedWords)).length,
  )
}

/** Matches any of the words, the longest first, with no letter or digit beside it. Without words it matches nothing. */
function anyOf(words: readonly string[]): RegExp {
  const longest = [...words].sort((a, b) => b.length - a.length)
  const escaped = longest.map((word) => word.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&').replace(/\s+/g, '\\s+'))
  return new RegExp(words.length === 0 ? '(?!)' : `(?<![\\p{L}\\p{N}])(?:${escaped.join('|')})(?![\\p{L}\\p{N}])`, 'giu')
}
