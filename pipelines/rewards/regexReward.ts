import * as z from 'zod'
import { messageOf, OptionError } from '../../src/core/errors.js'
import { parseOptions } from '../../src/core/parseOptions.js'
import type { TextReward } from '../../src/core/rewardSource.js'
import { replyReward } from './replyReward.js'

export const regexRewardOptions = z.strictObject({
  pattern: z.string().min(1).describe('a regular expression'),
  flags: z.string().default('u').describe('flags of a regular expression'),
  count: z.boolean().default(false).describe('true or false'),
})
export type RegexRewardOptions = z.input<typeof regexRewardOptions>

/**
 * Whether the completion has a match of a regular expression: 1 or 0; with `count` the number of its matches.
 *
 * `pattern`, `flags`: of JavaScript. A pattern that takes exponential time holds up the whole run.
 *
 * @throws OptionError for an option that may not be, and a pattern that is no regular expression
 * @example regexReward('polite', { pattern: '\\b(please|thank you)\\b', flags: 'i' })
 */
export function regexReward(name: string, options: RegexRewardOptions): TextReward {
  const { pattern, flags, count } = parseOptions(regexRewardOptions, options)
  const regex = compiled(pattern, flags.includes('g') ? flags : `${flags}g`)
  return replyReward(name, { regex: { pattern, flags, count } }, ({ completion }) => {
    if (!count) return completion.search(regex) === -1 ? 0 : 1
    return Array.from(completion.matchAll(regex)).length
  })
}

function compiled(pattern: string, flags: string): RegExp {
  try {
    return new RegExp(pattern, flags)
  } catch (error) {
    throw new OptionError(`Expected \`pattern\` and \`flags\` to be a regular expression: ${messageOf(error)}`)
  }
}
