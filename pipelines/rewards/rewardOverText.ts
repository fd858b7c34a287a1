import { defer, map, type Observable } from 'rxjs'
import type { BatchedRewardModel, RewardCall } from '../../src/core/batched.js'
import { RewardError } from '../../src/core/errors.js'
import type { Reward, TextCodec } from '../../src/core/model.js'
import type { Sequence } from '../../src/core/sequence.js'
import { textsOfNext, wholeText } from '../../src/core/text/decodedText.js'
import { growingText } from '../decoding/growingText.js'
import { renderOnce } from './renderOnce.js'

/**
 * Adapts a reward model whose tokenizer or chat template differs from the language model's. It reads the text in its own token ids.
 * Messages are rendered with its own template; a plain prompt stays as it is.
 *
 * The text has no special tokens of the language model and no incomplete character. A candidate that ends the reply is scored as the reply
 * so far, since the reward model's own end token is not known here.
 *
 * - `call`: calls the batched model once
 * - errors: `RewardError` for an empty text and one longer than the model's context; `TemplateError` of the codec
 */
export function rewardOverText(
  model: BatchedRewardModel,
  lmCodec: TextCodec,
  call: (call: RewardCall) => Observable<Float32Array>,
): Reward {
  const { name, codec, contextLength } = model
  const promptOf = renderOnce(codec)
  const textOf = growingText(lmCodec)
  const tokensOf = ({ prompt }: Sequence, reply: string): readonly number[] => {
    const completion = reply.replace(/\uFFFD+$/u, '')
    // A template writes its special tokens itself.
    const encoded = codec.encode(promptOf(prompt) + completion, prompt.messages === undefined)
    if (encoded.length === 0) throw new RewardError(`Reward \`${name}\` cannot read an empty text`)
    if (encoded.length > contextLength)
      throw new RewardError(
        `Reward \`${name}\` has a context of ${contextLength} tokens, the text has ${encoded.length} of its tokens`,
      )
    return encoded
  }

  return {
    name,
    score: (sequence, candidateIds) =>
      defer(() => {
        const { now } = textOf(sequence)
        const texts = textsOfNext(lmCodec, now, candidateIds).map((own) => tokensOf(sequence, now.text + own))
        return call({ key: sequence.key, ...sharedPrefix(texts) })
      }),
    value: (sequence) =>
      defer(() => {
        const tokenIds = tokensOf(sequence, wholeText(lmCodec, textOf(sequence).now))
        return call({ key: sequence.key, tokenIds, branches: [[]] })
      }).pipe(map(([value]) => value!)),
    release: ({ key }) => model.release(key),
  }
}

/** Splits texts into their longest shared prefix and the rest of each, at least one token. */
export function sharedPrefix(texts: readonly (readonly number[])[]): Pick<RewardCall, 'tokenIds' | 'branches'> {
  const [first = []] = texts
  const most = Math.min(...texts.map((text) => text.length)) - 1
  let length = 0
  while (length < most && texts.every((text) => text[length] === first[length])) length++
  return { tokenIds: first.slice(0, length), branches: texts.map((text) => text.slice(length)) }
}
