import { BPE } from '@huggingface/tokenizers'
import { describe, expect, it } from 'vitest'
import { exactModel } from '../../../../../src/models/checkpoint/tokenizer/exactModel.js'
import { remembered } from '../../../../../src/models/checkpoint/tokenizer/remembered.js'

function counted() {
  const calls: string[] = []
  const upper = remembered((text) => {
    calls.push(text)
    return text.toUpperCase()
  })
  return { calls, upper }
}

describe('a remembered function', () => {
  it('computes a short string once', () => {
    const { calls, upper } = counted()
    expect(['a', 'b', 'a', ''].map(upper)).toEqual(['A', 'B', 'A', ''])
    expect(upper('')).toBe('')
    expect(calls).toEqual(['a', 'b', ''])
  })

  it('computes a long string each time', () => {
    const { calls, upper } = counted()
    const long = 'a'.repeat(33)
    expect([long, long].map(upper)).toEqual([long.toUpperCase(), long.toUpperCase()])
    expect(calls).toHaveLength(2)
  })

  it('forgets all when the strings hold too many characters together', () => {
    const { calls, upper } = counted()
    const word = (index: number) => String(index).padStart(32, '0')
    const all = 2 ** 17 / 32
    for (let index = 0; index < all; index++) upper(word(index))
    upper(word(0))
    expect(calls).toHaveLength(all)
    upper(word(all))
    upper(word(0))
    expect(calls).toHaveLength(all + 2)
  })
})

/** Letters that merge into `ab`; with \u2581 and `byte_fallback` it is a SentencePiece model, whose words are whole texts. */
const model = (isSentencePiece: boolean) => {
  const vocab = Object.fromEntries(['<unk>', 'a', 'b', 'ab', '\u2581'].map((token, index) => [token, index]))
  const config = { type: 'BPE', unk_token: '<unk>', vocab, merges: ['a b'], byte_fallback: isSentencePiece }
  return new BPE(config as unknown as ConstructorParameters<typeof BPE>[0])
}

describe.each([true, false])('a BPE model (SentencePiece: %s)', (isSentencePiece) => {
  it('keeps no whole prompts in the memory of the library', () => {
    const bpe = model(isSentencePiece)
    exactModel(bpe)
    const prompt = '\u2581aba'.repeat(20)
    const tokens = Array.from({ length: 20 }, () => ['\u2581', 'ab', 'a']).flat()
    expect([bpe._call([prompt]), bpe._call([prompt])]).toEqual([tokens, tokens])
    for (const text of [prompt, '\u2581aba']) expect(bpe.cache.get(text)).toBeUndefined()
  })
})
