import type { BatchedRewardModel, RewardCall } from '../src/core/types.js'

/**
 * What a reward model is asked about a text that is there: the whole of it; or, where its unit is `logprob`, the tokens that come after
 * those of the prompt. Nothing can be said of a text without tokens, nor a log-probability without one of the prompt: `tokenIds` are
 * none then.
 *
 * @param encode the text in the model's tokens, special ones included
 */
export function wholeTextCall(
  { unit }: Pick<BatchedRewardModel, 'unit'>,
  encode: (text: string) => readonly number[],
  prompt: string,
  completion: string,
): Pick<RewardCall, 'tokenIds' | 'branches'> {
  const tokenIds = encode(prompt + completion)
  if (unit !== 'logprob') return { tokenIds, branches: [[]] }
  const given = encode(prompt)
  const different = tokenIds.findIndex((tokenId, index) => tokenId !== given[index])
  const from = different === -1 ? tokenIds.length : different
  return { tokenIds: tokenIds.slice(0, from), branches: [tokenIds.slice(from)] }
}
