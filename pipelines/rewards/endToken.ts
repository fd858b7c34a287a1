import type { BatchedPairReward, BatchedRewardModel } from '../../src/core/batched.js'
import { OptionError } from '../../src/core/errors.js'
import type { TextReward } from '../../src/core/rewardSource.js'

/** What the reward reads as the completion of a text. `cutOff`: a limit of tokens ended it. */
export type EndOfText = (completion: string, cutOff: boolean) => string

/**
 * Adds an end token to the completions of existing texts, as training code does before it tokenizes them. A completion that a limit cut off has
 * none, and one that ends with the token keeps it as its only one. Without a token every completion stays as it is.
 *
 * @throws OptionError for a reward that reads no token ids, and for a text that is not one special token of its tokenizer
 * @see TRL's RewardTrainer, which appends `eos_token` to texts that do not end with it
 */
export function endOfText(reward: BatchedRewardModel | BatchedPairReward | TextReward, endToken: string | undefined): EndOfText {
  if (endToken === undefined) return (completion) => completion
  if (reward.kind !== 'tokens')
    throw new OptionError(
      `Expected the end token beside a decoder model, got reward \`${reward.name}\`, which ${reward.kind === 'pairs' ? 'is an encoder and ends a text itself' : 'reads text without tokens'}`,
    )
  const ids = reward.codec.encode(endToken, false)
  if (ids.length !== 1 || reward.codec.decode(ids, true) !== '')
    throw new OptionError(
      `Expected the end token to be one special token of reward \`${reward.name}\`, got ${JSON.stringify(endToken)}, which is ${ids.length === 1 ? 'an ordinary token' : `${ids.length} tokens`}`,
    )
  return (completion, cutOff) => (cutOff || completion.endsWith(endToken) ? completion : completion + endToken)
}
