import type { TextCodec } from './types.js'

/** Whether a tokenizer reads a row's prompt into the row's token ids: then it is the run's own, or as good. */
export const readsAs = (codec: Pick<TextCodec, 'encode' | 'decode'>, prompt: string, tokenIds: readonly number[]): boolean =>
  // A template writes its special tokens itself, and rows do not tell whether there was one.
  [true, false].some((special) => {
    const found = codec.encode(prompt, special)
    return found.length === tokenIds.length && found.every((tokenId, index) => tokenId === tokenIds[index])
  }) ||
  // A prompt that lost its beginning may be cut where the tokenizer would not part it.
  (prompt !== '' && codec.decode(tokenIds, false).endsWith(prompt))
