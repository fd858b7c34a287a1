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
 * Tells whether the completion is JSON or can still become JSON. The reward is 1 for a whole JSON text or the beginning of one, and 0 for a
 * reply that ended too early. Otherwise it is `-wrong / length` in [-1, 0), where `wrong` counts characters from the first wrong one on.
 * White space around the text is allowed.
 *
 * @throws OptionError for an invalid option
 * @see RFC 8259
 */
export function jsonReward(name: string, options: JsonRewardOptions = {}): TextReward {
  const { root } = parseOptions(jsonRewardOptions, options, 'jsonReward')
  return replyReward(name, { json: { root } }, ({ completion, ended }) => {
    const { length, complete } = jsonPrefix(completion)
    const right = roots[root].test(completion.trimStart()) ? length : 0
    if (right < completion.length) return (right - completion.length) / completion.length
    return complete || !ended ? 1 : 0
  })
}
