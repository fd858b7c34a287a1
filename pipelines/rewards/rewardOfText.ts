import { defer, finalize, from, map, type Observable, throwError, timeout } from 'rxjs'
import type { BatchedLanguageModel } from '../../src/core/batched.js'
import { checkRewards } from '../../src/core/checkRewards.js'
import { ModelLostError, messageOf, RewardError } from '../../src/core/errors.js'
import type { Reward } from '../../src/core/model.js'
import type { ReplySoFar, TextReward } from '../../src/core/rewardSource.js'
import type { Sequence } from '../../src/core/sequence.js'
import { textAfter } from '../../src/core/text/decodedText.js'
import { promptText } from '../../src/core/text/promptText.js'

/**
 * A reward written over text as operators see it, bound to the language model's words: it reads the prompt's text (messages
 * rendered with the chat template), the completion and the candidate, special tokens left out.
 *
 * One call a step, with the texts of its k candidates: calls of several prompts run side by side, so that one that fails or
 * hangs takes nobody with it.
 *
 * - errors: `RewardError` with the reward's name: it threw, timed out, or gave something that is not one finite number a text;
 *   `ModelLostError` as it comes
 */
export function rewardOfText(
  source: TextReward,
  { codec, endTokenIds }: Pick<BatchedLanguageModel, 'codec' | 'endTokenIds'>,
): Reward {
  const replyOf = ({ prompt, promptTokenIds, tokenIds }: Sequence, more: readonly number[]): ReplySoFar => {
    const all = [...tokenIds, ...more]
    return {
      prompt: promptText(prompt, codec.render),
      completion: textAfter(codec, promptTokenIds, all),
      tokens: all.length,
      ended: endTokenIds.includes(all.at(-1) ?? -1),
    }
  }
  const score = textScores(source)
  return {
    name: source.name,
    score: (sequence, candidateIds) => score(Array.from(candidateIds, (id) => replyOf(sequence, [id]))),
    value: (sequence) => score([replyOf(sequence, [])]).pipe(map(([value]) => value!)),
  }
}

/** One call of the reward: a number a reply. Cancelled when nobody waits any more; errors as above. */
export const textScores =
  ({ name, scoreTexts, timeoutMs }: TextReward) =>
  (replies: readonly ReplySoFar[]): Observable<Float32Array> =>
    defer(() => {
      const cancelled = new AbortController()
      const texts = replies.map(({ prompt, completion }) => prompt + completion)
      return from(called(name, async () => scoreTexts(texts, cancelled.signal, replies))).pipe(
        timeout({
          first: timeoutMs,
          with: () => throwError(() => new RewardError(`Reward \`${name}\` gave nothing within ${timeoutMs} ms`)),
        }),
        map((given) => checkRewards(name, given, { texts: texts.length })),
        finalize(() => cancelled.abort()),
      )
    })

const called = async <T>(name: string, call: () => Promise<T>): Promise<T> => {
  try {
    return await call()
  } catch (error) {
    if (error instanceof ModelLostError) throw error
    throw new RewardError(`Reward \`${name}\` failed: ${messageOf(error)}`, { cause: error })
  }
}
