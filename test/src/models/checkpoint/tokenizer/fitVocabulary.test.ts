import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fitVocabulary } from '../../../../../src/models/checkpoint/tokenizer/fitVocabulary.js'
import { loadCodec } from '../../../../../src/models/checkpoint/tokenizer/loadCodec.js'

const folder = join(import.meta.dirname, '..', '..', '..', '..', '..', 'data', 'golden', 'grouped', 'lm')
const codec = await loadCodec(folder)
/** The ordinary tokens, without those that were added after them. */
const pad = { ...codec, vocabSize: codec.vocabSize + 1, addedIds: new Set([codec.vocabSize]), wordCount: codec.vocabSize }
const read = {
  ...pad,
  encode: (text: string, special: boolean) => (text.includes('[PAD]') ? [codec.vocabSize] : codec.encode(text, special)),
  decode: (tokenIds: readonly number[], skip: boolean) =>
    tokenIds[0] === codec.vocabSize ? '[PAD]' : codec.decode(tokenIds, skip),
}

describe('fitVocabulary', () => {
  it('leaves a tokenizer that fits as it is', () => expect(fitVocabulary(folder, codec.vocabSize, codec)).toBe(codec))

  it('keeps a tokenizer with an added token beyond the vocabulary, and says so', () => {
    const fitted = fitVocabulary(folder, codec.vocabSize, read)
    expect(fitted.encode('Hi', true)).toEqual(codec.encode('Hi', true))
    expect(fitted.vocabSize).toBe(codec.vocabSize)
    expect(fitted.fingerprint).not.toBe(codec.fingerprint)
    expect(fitted.notices?.at(-1)).toMatch(new RegExp(`no embedding for: "\\[PAD\\]" \\(${codec.vocabSize}\\)`))
  })

  it('refuses a text with such a token by its name', () =>
    expect(() => fitVocabulary(folder, codec.vocabSize, read).encode('a [PAD]', false)).toThrow(
      /no embedding for .*, got "\[PAD\]" \(\d+\)/,
    ))

  it('refuses a tokenizer whose ordinary tokens, or whose own special tokens, lie beyond', () => {
    expect(() => fitVocabulary(folder, codec.vocabSize - 1, codec)).toThrow(/to fit the vocabulary/)
    const always = { ...read, encode: () => [codec.vocabSize] }
    expect(() => fitVocabulary(folder, codec.vocabSize, always)).toThrow(/got token ids up to/)
  })
})
