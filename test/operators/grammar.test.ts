import { lastValueFrom, of } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { bannedWords } from '../../operators/bannedWords.js'
import { grammar } from '../../operators/grammar.js'
import { topK } from '../../operators/topK.js'
import { OptionError, ShapeError } from '../../src/core/errors.js'
import type { TextCodec } from '../../src/core/model.js'
import type { Sequence } from '../../src/core/sequence.js'
import { allowedTokens } from '../../src/models/grammar/allowedTokens.js'
import { charCodec } from '../fakes.js'
import { logitsStep, sequence, sparseStep } from '../marbles.js'

const tokens = ['', '', 'a', 'b', 'ab', 'ba', 'abb', 'c']
const END = 0
const words = ['aab', 'abab', 'abbab', 'c']
const ebnf = `root ::= ${words.map((word) => `"${word}"`).join(' | ')}`
const codec: TextCodec = {
  ...charCodec(),
  vocabSize: tokens.length,
  grammar: (source, endTokenIds) => allowedTokens(source, { kind: 'byte_level', tokens }, endTokenIds),
}
const options = { ebnf, codec, endTokenIds: [END] }

const at = (tokenIds: readonly number[], key: object = {}) => ({
  ...logitsStep(...tokens.map((_, id) => id)),
  sequence: { ...sequence, key, tokenIds } as Sequence,
})
const textOf = (ids: readonly number[]) => ids.map((id) => tokens[id]).join('')
const allowedBy = (values: Float32Array) => [...values.keys()].filter((id) => values[id] !== Number.NEGATIVE_INFINITY)
const bruteForce = (ids: readonly number[]) =>
  [...tokens.keys()].filter((id) =>
    id === END ? words.includes(textOf(ids)) : tokens[id] !== '' && words.some((word) => word.startsWith(textOf([...ids, id]))),
  )

/** All prefixes of words in every tokenization. */
const prefixes = (ids: readonly number[] = []): number[][] => [
  [...ids],
  ...bruteForce(ids).flatMap((id) => (id === END ? [] : prefixes([...ids, id]))),
]

describe('grammar', () => {
  it('allows the tokens that continue a text of the grammar, and end tokens after a complete one', async () => {
    const operator = grammar(options)
    for (const ids of prefixes()) {
      const { logits } = await lastValueFrom(of(at(ids)).pipe(operator))
      expect([ids, allowedBy(logits.values)]).toEqual([ids, bruteForce(ids)])
    }
  })

  it('agrees for a sequence that grew, its forks, and one that went back', async () => {
    const operator = grammar(options)
    const key = {}
    for (const ids of [[], [2], [2, 3], [2, 3, 3], [2, 2], [4], [2, 3, 5]]) {
      const found = await lastValueFrom(of(at(ids, key)).pipe(operator))
      expect([ids, allowedBy(found.logits.values)]).toEqual([ids, bruteForce(ids)])
    }
  })

  it('gives concurrent subscribers of one sequence the same result', async () => {
    const operator = grammar(options)
    const key = {}
    const asked = [[2], [4], [2, 3], [6], [2, 2]]
    const found = await Promise.all(asked.map((ids) => lastValueFrom(of(at(ids, key)).pipe(operator))))
    expect(found.map(({ logits }) => allowedBy(logits.values))).toEqual(asked.map(bruteForce))
  })

  it('may leave fewer than k candidates, and keeps the bans of other processors', async () => {
    const step = of(at([])).pipe(bannedWords({ words: [[7]], codec }), grammar(options), topK({ k: 5 }))
    expect([...(await lastValueFrom(step)).tokenIds]).toEqual([6, 4, 2])
  })

  it('refuses tokens outside the grammar, and sparse logits', async () => {
    await expect(lastValueFrom(of(at([7, 7])).pipe(grammar(options)))).rejects.toThrow(ShapeError)
    await expect(
      lastValueFrom(of(sparseStep({ tokenIds: Int32Array.of(1), values: Float32Array.of(0) })).pipe(grammar(options))),
    ).rejects.toThrow(ShapeError)
  })

  it.each([
    [{ ebnf: 'root ::= foo' }, /^Expected a grammar in EBNF that can be read: .*"foo" is not defined/],
    [
      { jsonSchema: { type: 'foo' } },
      /^Expected a JSON Schema that can be enforced, got #\/type: expected one of string, .*"foo"$/,
    ],
  ])('refuses %j in one line', async (source, message) => {
    const step = of(at([])).pipe(grammar({ ...source, codec, endTokenIds: [END] }))
    await expect(lastValueFrom(step)).rejects.toThrow(message)
  })

  it('requires exactly one of schema and grammar, and a codec that lists its tokens', () => {
    expect(() => grammar({ codec, endTokenIds: [END] })).toThrow(OptionError)
    expect(() => grammar({ ...options, jsonSchema: {} })).toThrow(OptionError)
    expect(() => grammar({ ...options, codec: charCodec() })).toThrow(OptionError)
  })
})
