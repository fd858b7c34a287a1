import type { TextCodec } from '../model.js'

type Codec = Pick<TextCodec, 'decode' | 'byteTokenIds'>

/**
 * Text that grows by a token at a time and never holds a broken character: what is certain, and the tokens whose text later ones
 * may still change (a character's first bytes, a run of byte tokens). Immutable, so that a fork goes on from where it is.
 */
export type DecodedText = Readonly<{
  /** What no later token changes. */
  text: string
  /** Tokens whose text is not certain. */
  held: readonly number[]
  /** Tokens right before `held`: decoders drop a space at the beginning of what they are given. */
  anchor: readonly number[]
}>

const ANCHOR = 4
const INCOMPLETE = '\uFFFD'

/** The last few tokens with text of their own, so that a decoder which drops a space at the start drops theirs. */
function anchorOf(codec: Codec, tokenIds: readonly number[]): readonly number[] {
  for (let size = ANCHOR; size < tokenIds.length; size *= 2) {
    const anchor = tokenIds.slice(-size)
    // A run of byte tokens has a text of its own only as a whole.
    if (!codec.byteTokenIds?.has(anchor[0]!) && decoded(codec, anchor) !== '') return anchor
  }
  return tokenIds
}

const decoded = (codec: Codec, tokenIds: readonly number[]): string => (tokenIds.length === 0 ? '' : codec.decode(tokenIds, true))

/** What `tokenIds` add to the text of `anchor`. */
const added = (codec: Codec, anchor: readonly number[], tokenIds: readonly number[]): string =>
  tokenIds.length === 0 ? '' : decoded(codec, [...anchor, ...tokenIds]).slice(decoded(codec, anchor).length)

/** No text yet, after the tokens `before`. Special tokens have no text. */
export const decodedText = (codec: Codec, before: readonly number[]): DecodedText => ({
  text: '',
  held: [],
  anchor: anchorOf(codec, before),
})

/** The text with one more token. What it adds to `text` is made of whole characters. */
export function withToken(codec: Codec, { text, held, anchor }: DecodedText, tokenId: number): DecodedText {
  const more = [...held, tokenId]
  const isByte = (id: number): boolean => codec.byteTokenIds?.has(id) ?? false
  if (isByte(tokenId)) return { text, held: more, anchor }
  const piece = added(codec, anchor, more)
  // A token without text, such as a special one, does not end a run of byte tokens.
  const isOpen = held.some(isByte) && piece === added(codec, anchor, held)
  if (isOpen || piece === '' || piece.endsWith(INCOMPLETE)) return { text, held: more, anchor }
  return { text: text + piece, held: [], anchor: more }
}

/** All of the text as it is now: what is certain, and what the tokens held back give if no other follows. */
export const wholeText = (codec: Codec, { text, held, anchor }: DecodedText): string => text + added(codec, anchor, held)

/** The text that `tokenIds` add to the tokens `before`, without special tokens: the text before and this one are the whole. */
export const textAfter = (codec: Codec, before: readonly number[], tokenIds: readonly number[]): string =>
  added(codec, tokenIds.length === 0 ? [] : anchorOf(codec, before), tokenIds)

/** What one token says after the tokens `before`; a special token has its own name. Part of a character is U+FFFD. */
export const tokenText = (codec: Codec, before: readonly number[], tokenId: number): string =>
  textAfter(codec, before, [tokenId]) || codec.decode([tokenId], false)

/** Whether a tokenizer reads a row's prompt into the row's token ids: then it is the run's own, or as good. */
export const readsAs = (codec: Pick<TextCodec, 'encode' | 'decode'>, prompt: string, tokenIds: readonly number[]): boolean =>
  // A template writes its special tokens itself, and rows do not tell whether there was one.
  [true, false].some((special) => {
    const found = codec.encode(prompt, special)
    return found.length === tokenIds.length && found.every((tokenId, index) => tokenId === tokenIds[index])
  }) ||
  // A truncated prompt may begin where the tokenizer would not split it.
  (prompt !== '' && codec.decode(tokenIds, false).endsWith(prompt))
