import * as z from 'zod'
import { parseOptions } from '../../src/core/parseOptions.js'
import type { TextReward } from '../../src/core/rewardSource.js'
import { linearRegex } from './linearRegex.js'
import { replyReward } from './replyReward.js'

export const regexRewardOptions = z.strictObject({
  pattern: z.string().min(1).describe('a regular expression'),
  flags: z.string().default('u').describe('flags of a regular expression'),
  count: z.boolean().default(false).describe('true or false'),
})
export type RegexRewardOptions = Readonly<{
  /** A JavaScript regular expression. */
  pattern: string
  /** Its flags; `u` is always on. */
  flags?: string | undefined
  /** Whether the reward is the number of matches (false). */
  count?: boolean | undefined
}>

/**
 * Returns 1 if the completion matches a regular expression, else 0; with `count`, the number of matches.
 *
 * The pattern is JavaScript's, read with the flag `u`; `linearRegex` says what is refused. A search takes linear time, whatever the
 * pattern.
 *
 * @throws OptionError for an invalid option, and as `linearRegex`
 * @example regexReward('polite', { pattern: '\\b(please|thank you)\\b', flags: 'i' })
 */
export function regexReward(name: string, options: RegexRewardOptions): TextReward {
  const { pattern, flags, count } = parseOptions(regexRewardOptions, options, 'regexReward')
  const regex = linearRegex(pattern, flags)
  return replyReward(name, { regex: { pattern, flags, count } }, ({ completion }) =>
    count ? regex.count(completion) : Number(regex.test(completion)),
  )
}
