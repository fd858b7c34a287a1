import type { BatchedPairReward, BatchedRewardModel, EncodedPair, RewardCall } from '../../src/core/batched.js'
import { InputError } from '../../src/core/errors.js'
import type { ReplySoFar } from '../../src/core/rewardSource.js'

/** Whether the tokenizer puts its special tokens around a text; `once`: unless the text begins with them, as a rendered prompt does. */
export type Special = boolean | 'once'

/** A model's reward of texts that are there already, as they stand: no end token is added. */
export type WholeTexts<Call> = Readonly<{
  name: string
  maxBatch: number
  /** @throws InputError for a text without tokens and for one that is longer than the model's context */
  read(prompt: string, completion: string, special: Special): Call
  /** One number a call. */
  run(calls: readonly Call[]): Promise<readonly (number | undefined)[]>
  release(call: Call): void
}>

/**
 * Of a decoder: the reward of the whole text; or, where its unit is `logprob`, that of the tokens which come after those of the
 * prompt, which is one token at least.
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
      const given = encode(prompt, special)
      const different = tokenIds.findIndex((tokenId, index) => tokenId !== given[index])
      const from = different === -1 ? length : different
      if (from === 0)
        throw new InputError(`Reward \`${name}\` gives a logprob: it needs a token of the prompt before the completion`)
      return { key: {}, tokenIds: tokenIds.slice(0, from), branches: [tokenIds.slice(from)] }
    },
    run: async (calls) => (await model.run(calls)).map(([value]) => value),
    release: ({ key }) => model.release(key),
  }
}

/**
 * Of a reward written over text, which gets each text in a call of its own.
 *
 * @throws InputError for an empty text
 */
export function writtenText(prompt: string, completion: string): ReplySoFar {
  if (prompt + completion === '') throw new InputError('The text is empty')
  return { prompt, completion, tokens: Number.NaN, ended: true }
}

/** Of a cross-encoder. */
export const pairTexts = (model: BatchedPairReward): WholeTexts<EncodedPair> => ({
  name: model.name,
  maxBatch: model.maxBatch,
  read: (prompt, completion) => model.encodePair(prompt, completion),
  run: async (calls) => (await model.run(calls.map((pair) => [pair]))).map(([value]) => value),
  release: () => undefined,
})
