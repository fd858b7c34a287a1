import type { TextCodec } from '../model.js'

type Codec = Pick<TextCodec, 'decode' | 'byteTokenIds'>

/**
 * Text that grows by a token at a time and never holds a broken character. It keeps apart the text that is certain and the tokens whose text
 * later tokens may change (a character's first bytes, a run of byte tokens). Immutable, so that a fork can go on from here.
 */
export type DecodedText = Readonly<{
  /** Text that no later token changes. */
  text: string
  /** Tokens whose text is not certain. */
  pending: readonly number[]
  /** Tokens right before `pending`. Some tokenizers drop a space at the start of a text; these tokens protect it. */
  anchor: readonly number[]
}>

const ANCHOR = 4
const INCOMPLETE = '\uFFFD'

/** The last few tokens with text of their own. A tokenizer that drops a space at the start drops it here. */
function anchorOf(codec: Codec, tokenIds: readonly number[]): readonly number[] {
  for (let size = ANCHOR; size < tokenIds.length; size *= 2) {
    const anchor = tokenIds.slice(-size)
    // A run of byte tokens has a text of its own only as a whole.
    if (!codec.byteTokenIds?.has(anchor[0]!) && decodeText(codec, anchor) !== '') return anchor
  }
  return tokenIds
}

const decodeText = (codec: Codec, tokenIds: readonly number[]): string =>
  tokenIds.length === 0 ? '' : codec.decode(tokenIds, true)

/** The text that `tokenIds` add to that of `anchor`. */
const addedText = (codec: Codec, anchor: readonly number[], tokenIds: readonly number[]): string =>
  tokenIds.length === 0 ? '' : decodeText(codec, [...anchor, ...tokenIds]).slice(decodeText(codec, anchor).length)

/** Starts an empty text after the tokens `before`. Special tokens have no text. */
export const decodedText = (codec: Codec, before: readonly number[]): DecodedText => ({
  text: '',
  pending: [],
  anchor: anchorOf(codec, before),
})

/** Adds one token. `text` grows by whole characters only. */
export function withToken(codec: Codec, { text, pending, anchor }: DecodedText, tokenId: number): DecodedText {
  const more = [...pending, tokenId]
  const isByte = (id: number): boolean => codec.byteTokenIds?.has(id) ?? false
  if (isByte(tokenId)) return { text, pending: more, anchor }
  const piece = addedText(codec, anchor, more)
  // A token without text, such as a special one, does not end a run of byte tokens.
  const isOpen = pending.some(isByte) && piece === addedText(codec, anchor, pending)
  if (isOpen || piece === '' || piece.endsWith(INCOMPLETE)) return { text, pending: more, anchor }
  return { text: text + piece, pending: [], anchor: more }
}

/** The whole text now: the certain part and that of the pending tokens, as if no token followed. */
export const wholeText = (codec: Codec, { text, pending, anchor }: DecodedText): string =>
  text + addedText(codec, anchor, pending)

/**
 * What each of several next tokens would add to the certain text, together with the pending tokens. It decodes the tokens before them once
 * only, because a step has many candidates.
 */
export function textsOfNext(codec: Codec, { pending, anchor }: DecodedText, tokenIds: Iterable<number>): string[] {
  const from = decodeText(codec, anchor).length
  return Array.from(tokenIds, (tokenId) => decodeText(codec, [...anchor, ...pending, tokenId]).slice(from))
}

/** The text that `tokenIds` add to the tokens `before`, without special tokens. Appended to the text before, it gives the whole text. */
export const textAfter = (codec: Codec, before: readonly number[], tokenIds: readonly number[]): string =>
  addedText(codec, tokenIds.length === 0 ? [] : anchorOf(codec, before), tokenIds)

/** Text of one token after the tokens `before`. A special token gives its name, part of a character U+FFFD. */
export const tokenText = (codec: Codec, before: readonly number[], tokenId: number): string =>
  textAfter(codec, before, [tokenId]) || codec.decode([tokenId], false)

/** Whether a tokenizer gives the row's token ids for the row's prompt. Then it can stand for the run's own. */
export const readsAs = (codec: Pick<TextCodec, 'encode' | 'decode'>, prompt: string, tokenIds: readonly number[]): boolean =>
  // A template writes its special tokens itself, and a row does not say whether it came from one.
  [true, false].some((special) => {
    const found = codec.encode(prompt, special)
    return found.length === tokenIds.length && found.every((tokenId, index) => tokenId === tokenIds[index])
  }) ||
  // A truncated prompt may begin where the tokenizer would not split it.
  (prompt !== '' && codec.decode(tokenIds, false).endsWith(prompt))
