import { defer, map, type Observable } from 'rxjs'
import type { BatchedLanguageModel, BatchedRewardModel, RewardCall } from '../../src/core/batched.js'
import { RewardError } from '../../src/core/errors.js'
import type { Reward } from '../../src/core/model.js'
import type { Sequence } from '../../src/core/sequence.js'
import { textsOfNext, wholeText } from '../../src/core/text/decodedText.js'
import { growingText } from '../decoding/growingText.js'
import { endOfText } from './endToken.js'
import { renderOnce } from './renderOnce.js'

/**
 * Adapts a reward model whose tokenizer or chat template differs from the language model's. It reads the text in its own token ids.
 * Messages are rendered with its own template; a plain prompt stays as it is.
 *
 * The text has no special tokens of the language model and no incomplete character. A candidate that ends the reply is scored as the reply
 * so far, with the model's `endToken` after it if that is known.
 *
 * - `call`: calls the batched model once
 * @throws OptionError as `endOfText`
 *
 * - errors: `RewardError` for an empty text and one longer than the model's context; `TemplateError` of the codec
 */
export function rewardOverText(
  model: BatchedRewardModel,
  { codec: lmCodec, endTokenIds }: Pick<BatchedLanguageModel, 'codec' | 'endTokenIds'>,
  call: (call: RewardCall) => Observable<Float32Array>,
): Reward {
  const { name, codec, contextLength } = model
  const ended = endOfText(model, model.endToken)
  const ends = (tokenId: number | undefined) => tokenId !== undefined && endTokenIds.includes(tokenId)
  const promptOf = renderOnce(codec)
  const textOf = growingText(lmCodec)
  const tokensOf = ({ prompt }: Sequence, reply: string, isEnded: boolean): readonly number[] => {
    const completion = ended(reply.replace(/\uFFFD+$/u, ''), !isEnded)
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
        const texts = textsOfNext(lmCodec, now, candidateIds).map((own, index) =>
          tokensOf(sequence, now.text + own, ends(candidateIds[index])),
        )
        return call({ key: sequence.key, ...sharedPrefix(texts) })
      }),
    value: (sequence) =>
      defer(() => {
        const tokenIds = tokensOf(sequence, wholeText(lmCodec, textOf(sequence).now), ends(sequence.tokenIds.at(-1)))
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
