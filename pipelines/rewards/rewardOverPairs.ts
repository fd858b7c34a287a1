import { defer, map, type Observable } from 'rxjs'
import type { BatchedPairReward, EncodedPair } from '../../src/core/batched.js'
import type { Reward, TextCodec } from '../../src/core/model.js'
import type { Sequence } from '../../src/core/sequence.js'
import { textAfter } from '../../src/core/text/decodedText.js'
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
  const pairOf = (sequence: Sequence, more: readonly number[]): EncodedPair => {
    const { prompt, promptTokenIds, tokenIds } = sequence
    const completion = textAfter(lmCodec, promptTokenIds, [...tokenIds, ...more]).replace(/\uFFFD+$/u, '')
    return encodePair(promptOf(prompt), completion)
  }
  return {
    name,
    score: (sequence, candidateIds) =>
      defer(() =>
        call(
          sequence.key,
          Array.from(candidateIds, (id) => pairOf(sequence, [id])),
        ),
      ),
    value: (sequence) => defer(() => call(sequence.key, [pairOf(sequence, [])])).pipe(map(([value]) => value!)),
  }
}
