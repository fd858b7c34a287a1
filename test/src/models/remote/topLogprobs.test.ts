import { describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/core/errors.js'
import { choicesIn, tokenIdOf, topLogprobs } from '../../../../src/models/remote/topLogprobs.js'
import { charCodec } from '../../../fakes.js'

const codec = charCodec()
const reading = { server: 'http://host', vocabSize: 128, idOf: tokenIdOf(codec, 'http://host') }
const read = (logprobs: unknown, need = 2) => topLogprobs({ logprobs }, need, reading)
const byText = (first: Readonly<Record<string, unknown>>) => ({ tokens: ['x'], top_logprobs: [first] })

describe('topLogprobs', () => {
  it.each<[string, unknown]>([
    ['ids as text', byText({ 'token_id:97': -2, 'token_id:99': -1, 'token_id:98': -2 })],
    ['text', byText({ a: -2, c: -1, b: -2 })],
    [
      'a list with ids',
      {
        content: [
          {
            top_logprobs: [
              { id: 98, token: '?', logprob: -2 },
              { id: 97, token: '?', logprob: -2 },
              { id: 99, token: '?', logprob: -1 },
            ],
          },
        ],
      },
    ],
  ])('reads the top tokens from %s: best first, ties to the lower id', (_, logprobs) => {
    expect(read(logprobs)).toEqual({ tokenIds: Int32Array.of(99, 97), values: Float32Array.of(-1, -2), logSumExp: 0 })
  })

  it.each<[unknown, string]>([
    [null, 'expected `choices[0].logprobs.top_logprobs[0]` of one token, got `{"logprobs":null}`'],
    [{ top_logprobs: [] }, 'expected `choices[0].logprobs.top_logprobs[0]`'],
    [byText({ a: -1 }), 'expected the top 2 tokens, got 1. The server may limit `logprobs`'],
    [byText({ a: -1, b: null }), 'expected token ids below 128 with finite logprobs, got 98 with NaN'],
    [byText({ 'token_id:500': -1, a: -2 }), 'expected token ids below 128 with finite logprobs, got 500 with -1'],
    [byText({ ab: -1, a: -2 }), 'texts of one token each, got "ab", the text of no token of the tokenizer'],
  ])('refuses %j in one line', (logprobs, message) => {
    expect(() => read(logprobs)).toThrow(RemoteError)
    expect(() => read(logprobs)).toThrow(`http://host: ${message.startsWith('texts') ? 'expected token ids, or ' : ''}${message}`)
  })

  it('refuses a text that is also a token with an incomplete character, without its bytes', () => {
    const cut = { ...codec, decode: ([id]: readonly number[]) => (id === 0 ? ' ' : id === 1 ? ' \uFFFD' : String(id)) }
    expect(() => tokenIdOf(cut, 'http://host')(' ')).toThrow('got " ", the text of tokens 0, 1')
    expect(tokenIdOf(cut, 'http://host')('7')).toBe(7)
  })

  it('refuses a text of several tokens', () => {
    const same = { ...codec, decode: (ids: readonly number[]) => (ids[0]! < 3 ? '\uFFFD' : 'x') }
    expect(() => tokenIdOf(same, 'http://host')('\uFFFD')).toThrow('got "\uFFFD", the text of tokens 0, 1, 2')
  })
})

describe('choicesIn', () => {
  const choices = (...indices: unknown[]) => ({ choices: indices.map((index) => ({ index, text: `of ${index}` })) })

  it('gives the choices in the order of the prompts, however they came', () => {
    expect(choicesIn(choices(2, 0, 1), 3, 'http://host')).toEqual(choices(0, 1, 2).choices)
  })

  it('asks no index of the only choice', () => {
    expect(choicesIn({ choices: [{ text: 'a' }] }, 1, 'http://host')).toEqual([{ text: 'a' }])
  })

  it.each<[string, unknown, string]>([
    ['no choices', { error: 'x' }, 'got `{"error":"x"}`'],
    ['one choice for all', choices(0), 'expected one choice for each of 3 prompts, with `index` 0 to 2, got 1 with 0'],
    ['one index for all', choices(0, 0, 0), 'got 3 with 0, 0, 0'],
    ['too many', choices(0, 1, 2, 3), 'got 4 with 0, 1, 2, 3'],
    ['none', choices(), 'got 0 with none'],
  ])('refuses %s', (_, answer, message) => {
    expect(() => choicesIn(answer, 3, 'http://host')).toThrow(RemoteError)
    expect(() => choicesIn(answer, 3, 'http://host')).toThrow(message)
  })
})
