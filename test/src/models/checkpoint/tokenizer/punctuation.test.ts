import { describe, expect, it } from 'vitest'
import { PUNCTUATION } from '../../../../../src/models/checkpoint/tokenizer/punctuation.js'

const characters = function* (): Generator<string> {
  for (let code = 0; code <= 0x10ffff; code++) if (code < 0xd800 || code > 0xdfff) yield String.fromCodePoint(code)
}
const isPunctuation = (character: string): boolean => character.match(PUNCTUATION) !== null

describe('PUNCTUATION', () => {
  it('has the 726 characters at which BertPreTokenizer of the tokenizers package 0.23.3 splits', () => {
    let count = 0
    for (const character of characters()) if (isPunctuation(character)) count++
    expect(count).toBe(726)
  })

  it('has ASCII symbols, and what was punctuation in Unicode 8', () => {
    expect(['!', '$', '~', '…', '\u061f', '\u166d', '\u{111c9}'].map(isPunctuation)).toEqual(Array(7).fill(true))
  })

  it('has nothing that Unicode called punctuation later', () => {
    expect(['\u061d', '\u2e52', '\u{10ead}', '\u{1e5ff}', 'a', ' ', '€'].map(isPunctuation)).toEqual(Array(7).fill(false))
  })
})
