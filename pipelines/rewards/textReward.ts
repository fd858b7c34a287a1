import * as z from 'zod'
import { aFunction, parseOptions } from '../../src/core/parseOptions.js'
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

const nameAndScore = z.object({ name: z.string().min(1).describe('a name'), score: aFunction })

/**
 * Makes a reward of a function from text to number; higher is better. The text is the prompt, the completion so far and the candidate,
 * without special tokens; messages are rendered with the language model's chat template. `reply` holds prompt and completion separately,
 * the number of tokens, and whether the reply has ended.
 *
 * Change `version` together with the function. Without a version a run into an existing folder is refused, because nobody can tell whether
 * the function is still the same.
 *
 * A call that throws, does not return a finite number, or takes longer than `timeoutMs` makes its own prompt an error row.
 *
 * @throws OptionError for an empty name and an invalid option
 * @example textReward('short', (text) => -text.length, { version: 1 })
 */
export const textReward = (
  name: string,
  score: (text: string, signal: AbortSignal, reply: ReplySoFar) => number | Promise<number>,
  options: TextRewardOptions = {},
): TextReward => {
  parseOptions(nameAndScore, { name, score })
  return batchTextReward(
    name,
    (texts, signal, replies) => Promise.all(texts.map((text, index) => score(text, signal, replies[index]!))),
    options,
  )
}

/**
 * Like `textReward`, for a function that scores all texts of a step (the k candidates of a prompt) at once. Calls for several prompts run
 * side by side.
 *
 * @throws OptionError for an empty name and an invalid option
 */
export const batchTextReward = (
  name: string,
  scoreTexts: TextReward['scoreTexts'],
  options: TextRewardOptions = {},
): TextReward => {
  const { timeoutMs, version } = parseOptions(textRewardOptions, options, 'textReward')
  return {
    kind: 'text',
    name: parseOptions(nameAndScore, { name, score: scoreTexts }).name,
    scoreTexts,
    timeoutMs,
    ...(version !== undefined && { spec: { version } }),
  }
}
