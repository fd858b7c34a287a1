import { BPE, type Tokenizer, Unigram } from '@huggingface/tokenizers'
import { remembered } from './remembered.js'

const byteTokensOf = (text: string): string[] =>
  Array.from(new TextEncoder().encode(text), (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)

/**
 * Makes tokenizer models work as in transformers. The library also fuses unknown tokens across words, and has no byte fallback for
 * Unigram.
 *
 * @throws TypeError for BPE with a dropout or a prefix of continuing subwords, which the library ignores
 */
export function exactModel(model: NonNullable<Tokenizer['model']>): void {
  if (model instanceof BPE) {
    const { dropout, continuing_subword_prefix: prefix } = model.config as typeof model.config & Record<string, unknown>
    if (dropout) throw new TypeError('its BPE model has a dropout, so token ids would be random')
    if (prefix)
      throw new TypeError(`its BPE model has a continuing_subword_prefix, ${JSON.stringify(prefix)}, which is not supported`)
  } else if (!(model instanceof Unigram)) return
  const fused = model._call.bind(model)
  const fallsBack = model instanceof Unigram && 'byte_fallback' in model.config && model.config.byte_fallback === true
  const bytesInstead = (token: string): string[] => {
    if (!fallsBack || model.tokens_to_ids.has(token)) return [token]
    const bytes = byteTokensOf(token)
    return bytes.every((byte) => model.tokens_to_ids.has(byte)) ? bytes : [token]
  }
  let pieces = (word: string): string[] => [word]
  if (model instanceof BPE) {
    // The library remembers 10,000 words of up to 256 characters, which are whole prompts where nothing splits them. Words are remembered here.
    model.max_length_to_cache = 0
    if (splitsAtSpaces(model)) {
      pieces = piecesOf
      model.bpe = remembered(model.bpe.bind(model))
    }
  }
  const tokensOf = remembered((word) => fused(pieces(word)).flatMap(bytesInstead))
  model._call = (words) => words.flatMap(tokensOf)
}

const SPACE = '\u2581'

/** Whether no token continues after a space. Then the words between spaces merge separately, which is many times faster. */
const splitsAtSpaces = ({ byte_fallback: isSentencePiece, ignore_merges: wholeFirst, merges }: BPE): boolean =>
  isSentencePiece && !wholeFirst && !merges.some(([first, second]) => (first + second).replace(/^\u2581+/, '').includes(SPACE))

const piecesOf = (word: string): string[] => word.match(/\u2581*[^\u2581]+|\u2581+/gu) ?? []
