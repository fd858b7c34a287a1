import { InputError, ModelError } from '../../../core/errors.js'
import type { PairCodec } from './loadCodec.js'

/**
 * Fits a tokenizer to a model with embeddings for the token ids below `vocabSize`. Published reward models often have an added token
 * beyond them, such as an unused `[PAD]`: the codec then refuses a text that contains it, and says so in its notices.
 *
 * @throws ModelError when every text may need such a token, because it is an ordinary one or the post-processor adds it
 * @throws InputError (from `encode`) for a text with such a token
 */
export function fitVocabulary<Codec extends PairCodec>(folder: string, vocabSize: number, codec: Codec): Codec {
  if (codec.vocabSize <= vocabSize) return codec
  const refuse = (id: number): never => {
    throw new ModelError(
      `Expected the tokenizer in ${folder} to fit the vocabulary of ${vocabSize} in config.json, got token ids up to ${id}`,
    )
  }
  if (codec.wordCount > vocabSize) refuse(codec.wordCount - 1)
  const checkAdded = (tokenIds: readonly number[]): void => {
    const last = Math.max(-1, ...tokenIds)
    if (last >= vocabSize) refuse(last)
  }
  checkAdded(codec.encode('', true))

  const textOf = (id: number): string => `${JSON.stringify(codec.decode([id], false))} (${id})`
  const unusable = [...codec.addedIds].filter((id) => id >= vocabSize).sort((a, b) => a - b)
  const listed = `${unusable.slice(0, 5).map(textOf).join(', ')}${unusable.length > 5 ? `, … (${unusable.length} in all)` : ''}`
  return {
    ...codec,
    encode(text, special) {
      const tokenIds = codec.encode(text, special)
      const beyond = tokenIds.find((id) => id >= vocabSize)
      if (beyond === undefined) return tokenIds
      throw new InputError(
        `Expected no token that the model in ${folder} has no embedding for (its vocabulary has ${vocabSize}), got ${textOf(beyond)}`,
      )
    },
    pairTemplate(typed) {
      const template = codec.pairTemplate(typed)
      checkAdded(template([], []).tokenIds)
      return template
    },
    vocabSize,
    // A model with an embedding for these tokens reads texts that this one refuses.
    fingerprint: `${codec.fingerprint}:${vocabSize}`,
    notices: [
      ...(codec.notices ?? []),
      `The tokenizer in ${folder} has tokens that the model has no embedding for: ${listed}. A prompt with one becomes an error row`,
    ],
  }
}
