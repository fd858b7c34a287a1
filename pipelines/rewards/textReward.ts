import * as z from 'zod'
import { parseOptions } from '../../src/core/parseOptions.js'
import type { ReplySoFar, TextReward } from '../../src/core/rewardSource.js'

export const textRewardOptions = z.strictObject({
  timeoutMs: z
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .default(30_000)
    .describe('an integer from 1 to 2147483647 (milliseconds)'),
  version: z
    .union([z.string().min(1), z.number()])
    .optional()
    .describe('text or a number'),
})
export type TextRewardOptions = Readonly<{
  /** How long a call may take, in milliseconds (30,000). */
  timeoutMs?: number | undefined
  /** Version of the function. Change it with the function, so that a resumed run notices. */
  version?: string | number | undefined
}>

const named = z.object({ name: z.string().min(1).describe('a name') })

/**
 * A reward of one's own: the text (prompt and completion so far, the candidate included) to a number, higher is better. A prompt of
 * messages is rendered with the language model's chat template; special tokens are left out. `reply` has prompt and completion apart,
 * and says how many tokens the completion has and whether it has ended.
 *
 * `version` says which function it is: change it together with the function. A folder of rows that it made is not gone on with where it has
 * none, since nobody could tell whether the function is still the same.
 *
 * A call that throws, gives anything but a finite number, or is not done after `timeoutMs`, makes its own prompt an error row.
 *
 * @throws OptionError for an empty name, a time-out that is none, and a version that is none
 * @example textReward('short', (text) => -text.length, { version: 1 })
 */
export const textReward = (
  name: string,
  score: (text: string, signal: AbortSignal, reply: ReplySoFar) => number | Promise<number>,
  options: TextRewardOptions = {},
): TextReward =>
  batchTextReward(
    name,
    (texts, signal, replies) => Promise.all(texts.map((text, index) => score(text, signal, replies[index]!))),
    options,
  )

/**
 * The same over all texts of one step of one prompt (its k candidates) at once. Calls for several prompts run side by side.
 *
 * @throws OptionError for an empty name or a time-out that is none
 */
export const batchTextReward = (
  name: string,
  scoreTexts: TextReward['scoreTexts'],
  options: TextRewardOptions = {},
): TextReward => {
  const { timeoutMs, version } = parseOptions(textRewardOptions, options)
  return {
    kind: 'text',
    name: parseOptions(named, { name }).name,
    scoreTexts,
    timeoutMs,
    ...(version !== undefined && { spec: { version } }),
  }
}
