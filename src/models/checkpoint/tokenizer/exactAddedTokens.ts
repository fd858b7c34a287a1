import type { AddedToken, Tokenizer } from '@huggingface/tokenizers'

type Splitter = { split(text: string): string[] }

/** Private members of the library's tokenizer. */
type Internals = {
  encode_text(text: string | null): string[] | null
  added_tokens_map: ReadonlyMap<string, AddedToken>
  splitter_unnormalized: Splitter
  splitter_normalized: Splitter
  remove_space?: boolean
  do_lowercase_and_remove_accent?: boolean
}

type Part = Readonly<{ text: string; isToken: boolean }>

const WORD = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200C\\u200D]'
const [ENDS_WITH_WORD, STARTS_WITH_WORD] = [new RegExp(`${WORD}$`, 'u'), new RegExp(`^${WORD}`, 'u')]
const SPACE = /\p{White_Space}/u
const SPACE_AT_START = /^\p{White_Space}*/u

/** Splits a text into added tokens, each with the white space that it strips, and the text between them. */
function partsOf(text: string, splitter: Splitter, tokens: ReadonlyMap<string, AddedToken>, splitSpecial: boolean): Part[] {
  const parts: Part[] = []
  let [taken, position] = [0, 0]
  for (const piece of splitter.split(text)) {
    const token = tokens.get(piece)
    let [start, stop] = [position, position + piece.length]
    position = stop
    if (!token || start < taken || (splitSpecial && token.special)) continue
    if (token.single_word && (ENDS_WITH_WORD.test(text.slice(0, start)) || STARTS_WITH_WORD.test(text.slice(stop)))) continue
    while (token.lstrip && start > taken && SPACE.test(text[start - 1]!)) start--
    if (token.rstrip) stop += SPACE_AT_START.exec(text.slice(stop))![0].length
    if (taken < start) parts.push({ text: text.slice(taken, start), isToken: false })
    parts.push({ text: piece, isToken: true })
    taken = stop
  }
  if (taken < text.length) parts.push({ text: text.slice(taken), isToken: false })
  return parts
}

/**
 * Makes added tokens work as in transformers. The library differs in three ways: it finds a `single_word` token inside a word, strips
 * JavaScript's white space instead of Unicode's, and starts a new text after a token that it finds in normalized text.
 */
export function exactAddedTokens(tokenizer: Tokenizer, splitSpecial: boolean): void {
  const internals = tokenizer as unknown as Internals
  const { added_tokens_map: tokens, splitter_unnormalized: asWritten, splitter_normalized: asNormalized } = internals
  const { normalizer, pre_tokenizer: preTokenizer, model } = tokenizer

  const prepared = (text: string): string => {
    let made = text
    if (internals.remove_space) made = made.trim().split(/\s+/).join(' ')
    if (internals.do_lowercase_and_remove_accent) made = made.toLowerCase().replace(/\p{M}/gu, '')
    return normalizer ? normalizer(made) : made
  }
  const tokensOf = (text: string, isFirst: boolean): string[] =>
    model!(preTokenizer ? preTokenizer(text, { section_index: isFirst ? 0 : 1 }) : [text])

  internals.encode_text = (text) =>
    text === null
      ? null
      : partsOf(text, asWritten, tokens, splitSpecial).flatMap((part, index) =>
          part.isToken
            ? [part.text]
            : partsOf(prepared(part.text), asNormalized, tokens, splitSpecial).flatMap((inner, at) =>
                inner.isToken ? [inner.text] : tokensOf(inner.text, index === 0 && at === 0),
              ),
        )
}
