import { describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/core/errors.js'
import { tokenIdOf, topLogprobs } from '../../../../src/models/remote/topLogprobs.js'
import { charCodec } from '../../../fakes.js'

const codec = charCodec()
const reading = { server: 'http://host', vocabSize: 128, idOf: tokenIdOf(codec, 'http://host') }
const read = (logprobs: unknown, need = 2) => topLogprobs({ choices: [{ logprobs }] }, need, reading)
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
    [null, 'expected `choices[0].logprobs.top_logprobs[0]` of one token, got `[{"logprobs":null}]`'],
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
