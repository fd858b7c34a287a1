import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { finish, stopsOf } from '../../../pipelines/decoding/finish.js'
import type { TextCodec } from '../../../src/core/model.js'
import type { Sequence } from '../../../src/core/sequence.js'
import { sequence } from '../../marbles.js'

const END = 0
/** Tokens of a few characters each, one of half a character (é is the bytes of tokens 8 and 9), and an end token. */
const texts = ['', 'Hu', 'man', ': ', '\n\nHuman', 'a', '\n', 'b:\n\nH']
const codec: TextCodec = {
  encode: () => [],
  decode: (ids, skipSpecial) =>
    ids
      .map((id, i) => {
        if (id === END) return skipSpecial ? '' : '<end>'
        if (id === 8) return ids[i + 1] === 9 ? 'é' : '\uFFFD'
        return id === 9 ? (ids[i - 1] === 8 ? '' : '\uFFFD') : texts[id]!
      })
      .join(''),
  render: () => '',
  vocabSize: 10,
  fingerprint: 'words',
}
const options = { codec, endTokenIds: [END], stop: [], maxNewTokens: 100, contextLength: 1000 }
const grown = (...tokenIds: number[]): Sequence => ({ ...sequence, promptTokenIds: [5, 5], tokenIds })

describe('finish', () => {
  it('goes on until an end condition holds', () => {
    expect(finish(options)(grown(5, 5))).toBeUndefined()
  })
  it('stops at an end token, which the reward reads and the completion lacks', () => {
    expect(finish(options)(grown(5, 6, END))).toEqual({ reason: 'stop', completion: 'a\n', valuedTokens: 3 })
    expect(finish({ ...options, maxNewTokens: 1 })(grown(END))).toEqual({ reason: 'stop', completion: '', valuedTokens: 1 })
  })
  it('stops at any of several end tokens', () => {
    expect(finish({ ...options, endTokenIds: [END, 6] })(grown(5, 6))).toEqual({
      reason: 'stop',
      completion: 'a',
      valuedTokens: 2,
    })
  })
  it('stops at the token limit and at the end of the context', () => {
    const out = { reason: 'length', completion: 'aa', valuedTokens: 2 }
    expect(finish({ ...options, maxNewTokens: 2 })(grown(5, 5))).toEqual(out)
    expect(finish({ ...options, contextLength: 4 })(grown(5, 5))).toEqual(out)
    expect(finish({ ...options, contextLength: 5 })(grown(5, 5))).toBeUndefined()
  })
  it.each<[string, number[], string, string, number]>([
    ['is one token', [5, 4], '\n\nHuman', 'a', 1],
    ['spans tokens', [5, 6, 6, 1, 2], '\n\nHuman', 'a', 1],
    ['begins inside a token', [5, 7, 2], ':\n\nHman', 'ab', 1],
    ['ends inside a token', [5, 5, 4], '\n\nHu', 'aa', 2],
    ['is inside a token', [5, 7], '\n\n', 'ab:', 1],
    ['is a whole reply', [1], 'H', '', 0],
    ['begins with half a character', [5, 8, 9], 'é', 'a', 1],
    ['follows a character in two halves', [8, 9, 5], 'a', 'é', 2],
  ])('stops at a stop string that %s', (_, tokenIds, stop, completion, valuedTokens) => {
    expect(finish({ ...options, stop: ['zzz', stop] })(grown(...tokenIds))).toEqual({ reason: 'stop', completion, valuedTokens })
  })
  it('ends at the earliest of several stop strings', () => {
    expect(finish({ ...options, stop: ['Human', '\n'] })(grown(5, 4))).toEqual({
      reason: 'stop',
      completion: 'a',
      valuedTokens: 1,
    })
  })
  it('does not look for stop strings in the prompt, nor across its end', () => {
    expect(finish({ ...options, stop: ['aaa', 'aab'] })(grown(5, 7))).toBeUndefined()
  })
  it('reports a stop string rather than the length', () => {
    expect(finish({ ...options, stop: ['\n'], maxNewTokens: 2 })(grown(5, 6))!.reason).toBe('stop')
  })
  it('finds the same in growing text as in the whole text', () => {
    const tokens = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 60 })
    const stops = fc.constantFrom('\n\nHuman:', 'man: ', 'aa', 'é', '\na\n', ': Hu', 'b:')
    fc.assert(
      fc.property(tokens, fc.array(stops, { minLength: 1, maxLength: 2 }), (tokenIds, stop) => {
        const finished = finish({ ...options, stop })
        const at = tokenIds.findIndex((_, i) => finished(grown(...tokenIds.slice(0, i + 1))) !== undefined)
        const first = tokenIds.findIndex((_, i) =>
          stop.some((text) => codec.decode(tokenIds.slice(0, i + 1), true).includes(text)),
        )
        expect(at).toBe(first)
      }),
      { numRuns: 500 },
    )
  })
})

describe('stopsOf', () => {
  it('treats a stop string that is a special token as an end token', () => {
    const words = { ...codec, encode: (text: string) => (text === '<end>' ? [END] : [5]) }
    expect(stopsOf(['<end>', 'a'], words)).toEqual({ texts: ['a'], tokenIds: [END] })
  })
})
