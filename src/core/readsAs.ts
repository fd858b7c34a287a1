import type { TextCodec } from './model.js'

/** Whether a tokenizer reads a row's prompt into the row's token ids: then it is the run's own, or as good. */
export const readsAs = (codec: Pick<TextCodec, 'encode'>, prompt: string, tokenIds: readonly number[]): boolean =>
  // A template writes its special tokens itself, and rows do not tell whether there was one.
  [true, false].some((special) => {
    const found = codec.encode(prompt, special)
    return found.length === tokenIds.length && found.every((tokenId, index) => tokenId === tokenIds[index])
  })
