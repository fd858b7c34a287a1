import type { BatchedPairReward, BatchedRewardModel, EncodedPair, RewardCall } from '../../src/core/batched.js'
import { InputError } from '../../src/core/errors.js'
import type { ReplySoFar } from '../../src/core/rewardSource.js'

/** Whether the tokenizer adds its special tokens; `once`: only if the text does not start with them, as a rendered prompt may. */
export type Special = boolean | 'once'

/** A model's reward of existing texts. */
export type WholeTexts<Call> = Readonly<{
  name: string
  maxBatch: number
  /** @throws InputError for a text without tokens and for one longer than the model's context */
  read(prompt: string, completion: string, special: Special): Call
  /** Returns one number per call. */
  run(calls: readonly Call[]): Promise<readonly (number | undefined)[]>
  release(call: Call): void
}>

/**
 * Scores whole texts with a decoder model. If its unit is `logprob`, it scores only the tokens after the prompt, which must have at least
 * one token.
 */
export function tokenTexts(model: BatchedRewardModel): WholeTexts<RewardCall> {
  const { name, codec, contextLength, maxBatch, unit } = model
  const encode = (text: string, special: Special): number[] => {
    const tokenIds = codec.encode(text, special !== false)
    const isTwice = tokenIds.length > 1 && tokenIds[0] === tokenIds[1] && codec.decode([tokenIds[0]!], true) === ''
    return special === 'once' && isTwice ? tokenIds.slice(1) : tokenIds
  }
  return {
    name,
    maxBatch,
    read(prompt, completion, special) {
      const tokenIds = encode(prompt + completion, special)
      const { length } = tokenIds
      if (length === 0) throw new InputError('The text is empty: it has no tokens')
      if (length > contextLength)
        throw new InputError(`Reward \`${name}\` has a context of ${contextLength} tokens, the text has ${length} of its tokens`)
      if (unit !== 'logprob') return { key: {}, tokenIds, branches: [[]] }
      const promptIds = encode(prompt, special)
      const different = tokenIds.findIndex((tokenId, index) => tokenId !== promptIds[index])
      const from = different === -1 ? length : different
      if (from === 0) throw new InputError(`Reward \`${name}\` returns a logprob: it needs a prompt token before the completion`)
      return { key: {}, tokenIds: tokenIds.slice(0, from), branches: [tokenIds.slice(from)] }
    },
    run: async (calls) => (await model.run(calls)).map(([value]) => value),
    release: ({ key }) => model.release(key),
  }
}

/**
 * Prepares a text for a reward over text, which scores each text in a separate call.
 *
 * @throws InputError for an empty text
 */
export function writtenText(prompt: string, completion: string): ReplySoFar {
  if (prompt + completion === '') throw new InputError('The text is empty')
  return { prompt, completion, tokens: Number.NaN, ended: true }
}

/** Scores whole texts with a cross-encoder. */
export const pairTexts = (model: BatchedPairReward): WholeTexts<EncodedPair> => ({
  name: model.name,
  maxBatch: model.maxBatch,
  read: (prompt, completion) => model.encodePair(prompt, completion),
  run: async (calls) => (await model.run(calls.map((pair) => [pair]))).map(([value]) => value),
  release: () => undefined,
})
