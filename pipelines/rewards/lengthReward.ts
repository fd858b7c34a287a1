import * as z from 'zod'
import { parseOptions } from '../../src/core/parseOptions.js'
import type { ReplySoFar, TextReward } from '../../src/core/rewardSource.js'
import { replyReward } from './replyReward.js'

const units = ['characters', 'words', 'tokens'] as const

export const lengthRewardOptions = z.strictObject({
  target: z.int().min(1).describe('an integer >= 1'),
  unit: z
    .enum(units)
    .default('characters')
    .describe(`one of ${units.join(', ')}`),
})
export type LengthRewardOptions = Readonly<{
  /** The length to aim for, in `unit`. */
  target: number
  /** What to count (`characters`). */
  unit?: 'characters' | 'words' | 'tokens' | undefined
}>

const lengths: Readonly<Record<(typeof units)[number], (reply: ReplySoFar) => number>> = {
  characters: ({ completion }) => Array.from(completion).length,
  words: ({ completion }) => completion.split(/\s+/).filter((word) => word !== '').length,
  tokens: ({ tokens, ended }) => tokens - (ended ? 1 : 0),
}

/**
 * Tells how close the completion's length is to a target: `-|length - target| / target`, at best 0. Until the reply has ended, only the
 * excess over the target counts, so short beginnings cost nothing.
 *
 * `unit`: characters (code points), words (between white space), or tokens of the language model without the end token.
 *
 * @throws OptionError for an invalid option
 * @example lengthReward('short', { target: 200 })
 */
export function lengthReward(name: string, options: LengthRewardOptions): TextReward {
  const { target, unit } = parseOptions(lengthRewardOptions, options, 'lengthReward')
  return replyReward(name, { length: { target, unit } }, (reply) => {
    const over = (lengths[unit](reply) - target) / target
    return 0 - (reply.ended ? Math.abs(over) : Math.max(0, over))
  })
}
