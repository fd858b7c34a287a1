import * as z from 'zod'
import { parseOptions } from '../../src/core/parseOptions.js'
import type { TextReward } from '../../src/core/rewardSource.js'
import { jsonPrefix } from '../../src/core/text/jsonPrefix.js'
import { replyReward } from './replyReward.js'

const roots = { any: /^/, object: /^(\{|$)/, array: /^(\[|$)/ } as const

export const jsonRewardOptions = z.strictObject({
  root: z.enum(['any', 'object', 'array']).default('any').describe('one of any, object, array'),
})
export type JsonRewardOptions = Readonly<{
  /** What the JSON text must be (`any`). */
  root?: 'any' | 'object' | 'array' | undefined
}>

/**
 * Whether the completion is JSON, or can still become it: 1 for a whole JSON text or the beginning of one; 0 for a reply that ended
 * before it was whole; else `-wrong / length`, the share of characters from the first wrong one on, in [-1, 0).
 *
 * `root`: what the JSON text has to be; white space around it is allowed.
 *
 * @throws OptionError for an option that may not be
 * @see RFC 8259
 */
export function jsonReward(name: string, options: JsonRewardOptions = {}): TextReward {
  const { root } = parseOptions(jsonRewardOptions, options)
  return replyReward(name, { json: { root } }, ({ completion, ended }) => {
    const { length, complete } = jsonPrefix(completion)
    const right = roots[root].test(completion.trimStart()) ? length : 0
    if (right < completion.length) return (right - completion.length) / completion.length
    return complete || !ended ? 1 : 0
  })
}
