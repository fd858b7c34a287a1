import type { TextCodec } from '../src/core/types.js'

/** Enough of the prompt that a decoder which drops a space at the start drops the prompt's, not the completion's. */
const ANCHOR = 4

/** The text that `tokenIds` add to the prompt, without special tokens: `prompt + completionText` is the whole text. */
export function completionText(codec: TextCodec, promptTokenIds: readonly number[], tokenIds: readonly number[]): string {
  if (tokenIds.length === 0) return ''
  const anchor = promptTokenIds.slice(-ANCHOR)
  const before = anchor.length === 0 ? '' : codec.decode(anchor, true)
  return codec.decode([...anchor, ...tokenIds], true).slice(before.length)
}
