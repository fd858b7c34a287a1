import { defer, finalize, from, identity, map, type Observable, throwError, timeout } from 'rxjs'
import type { BatchedLanguageModel } from '../../src/core/batched.js'
import { checkRewards } from '../../src/core/checkRewards.js'
import { endsRun, messageOf, RewardError } from '../../src/core/errors.js'
import type { Reward } from '../../src/core/model.js'
import type { ReplySoFar, TextReward } from '../../src/core/rewardSource.js'
import type { Sequence } from '../../src/core/sequence.js'
import { textsOfNext, wholeText } from '../../src/core/text/decodedText.js'
import { growingText } from '../decoding/growingText.js'
import { renderOnce } from './renderOnce.js'

/**
 * Adapts a reward over text to operators. The reward reads the prompt's text (messages rendered with the chat template), the completion
 * and the candidate, without special tokens.
 *
 * Each step is one call with the texts of its k candidates. Calls of several prompts run side by side, so a failing or slow one affects
 * only its own prompt.
 *
 * - errors: `RewardError` with the reward's name if it throws, times out, or does not return one finite number per text; what
 *   ends a run (`endsRun`) passes through
 */
export function rewardOfText(
  source: TextReward,
  { codec, endTokenIds }: Pick<BatchedLanguageModel, 'codec' | 'endTokenIds'>,
): Reward {
  const promptOf = renderOnce(codec)
  const textOf = growingText(codec)
  const replyOf = (sequence: Sequence): ReplySoFar => ({
    prompt: promptOf(sequence.prompt),
    completion: wholeText(codec, textOf(sequence).now),
    tokens: sequence.tokenIds.length,
    ended: endTokenIds.includes(sequence.tokenIds.at(-1) ?? -1),
  })
  const repliesOf = (sequence: Sequence, candidateIds: Int32Array): ReplySoFar[] => {
    const prompt = promptOf(sequence.prompt)
    const { now } = textOf(sequence)
    return textsOfNext(codec, now, candidateIds).map((own, index) => ({
      prompt,
      completion: now.text + own,
      parts: [now.text, own],
      tokens: sequence.tokenIds.length + 1,
      ended: endTokenIds.includes(candidateIds[index]!),
    }))
  }
  const score = textScores(source)
  return {
    name: source.name,
    score: (sequence, candidateIds) => score(repliesOf(sequence, candidateIds)),
    value: (sequence) => score([replyOf(sequence)]).pipe(map(([value]) => value!)),
  }
}

/** Calls the reward once: one number per reply. Unsubscribing cancels the call; errors are those of `rewardOfText`. */
export const textScores =
  ({ name, scoreTexts, timeoutMs }: TextReward) =>
  (replies: readonly ReplySoFar[]): Observable<Float32Array> =>
    defer(() => {
      const late = () => throwError(() => new RewardError(`Reward \`${name}\` returned nothing within ${timeoutMs} ms`))
      const cancelled = new AbortController()
      let isDone = false
      const texts = replies.map(({ prompt, completion }) => prompt + completion)
      return from(callReward(name, () => scoreTexts(texts, cancelled.signal, replies))).pipe(
        timeoutMs === Number.POSITIVE_INFINITY ? identity : timeout({ first: timeoutMs, with: late }),
        map((rewards) => {
          isDone = true
          return checkRewards(name, rewards, { texts: texts.length })
        }),
        // An abort makes an error with its stack, so only a call that still runs is aborted.
        finalize(() => isDone || cancelled.abort()),
      )
    })

const callReward = async <T>(name: string, call: () => T | PromiseLike<T>): Promise<T> => {
  try {
    return await call()
  } catch (error) {
    if (endsRun(error)) throw error
    throw new RewardError(`Reward \`${name}\` failed: ${messageOf(error)}`, { cause: error })
  }
}
