import { defer, map, type Observable } from 'rxjs'
import type { BatchedPairReward, EncodedPair } from '../../src/core/batched.js'
import type { Reward, TextCodec } from '../../src/core/model.js'
import type { Sequence } from '../../src/core/sequence.js'
import { textsOfNext, wholeText } from '../../src/core/text/decodedText.js'
import { growingText } from '../decoding/growingText.js'
import { renderOnce } from './renderOnce.js'

/**
 * Adapts a cross-encoder to operators. It reads a pair of texts: the prompt (messages rendered with the language model's chat template)
 * and the completion with the candidate. The completion has no special tokens and no incomplete character. Nothing is cached; every
 * candidate is read from the start.
 *
 * - `call`: calls the batched model with the pairs of a step
 * - errors: `RewardError` for a pair longer than the model's context
 */
export function rewardOverPairs(
  { name, encodePair }: BatchedPairReward,
  lmCodec: TextCodec,
  call: (key: object, pairs: readonly EncodedPair[]) => Observable<Float32Array>,
): Reward {
  const promptOf = renderOnce(lmCodec)
  const textOf = growingText(lmCodec)
  const pairOf = ({ prompt }: Sequence, reply: string): EncodedPair =>
    encodePair(promptOf(prompt), reply.replace(/\uFFFD+$/u, ''))
  return {
    name,
    score: (sequence, candidateIds) =>
      defer(() => {
        const { now } = textOf(sequence)
        const replies = textsOfNext(lmCodec, now, candidateIds).map((own) => now.text + own)
        return call(
          sequence.key,
          replies.map((reply) => pairOf(sequence, reply)),
        )
      }),
    value: (sequence) =>
      defer(() => call(sequence.key, [pairOf(sequence, wholeText(lmCodec, textOf(sequence).now))])).pipe(
        map(([value]) => value!),
      ),
  }
}
