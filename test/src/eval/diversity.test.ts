import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cosine } from '../../../src/core/math.js'
import { diversity } from '../../../src/eval/diversity.js'
import { evalGolden } from './eval.js'

describe('diversity', () => {
  it.each(evalGolden.replies.map((reply) => [reply.tokenIds.length, reply] as const))('equals numpy for %i tokens', (_, reply) =>
    expect(diversity(reply.tokenIds)).toBeCloseTo(reply.diversity, 12),
  )

  it('is the product of the shares of distinct n-grams for any tokens', () =>
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(3), fc.nat(2 ** 31 - 1)), { maxLength: 40 }), (tokenIds) => {
        const share = (n: number): number => {
          const grams = tokenIds.slice(n - 1).map((_, start) => tokenIds.slice(start, start + n).join())
          return grams.length === 0 ? 1 : new Set(grams).size / grams.length
        }
        expect(diversity(tokenIds)).toBeCloseTo(share(2) * share(3) * share(4), 12)
      }),
    ))
})

describe('cosine', () => {
  it.each(evalGolden.cosines)('equals numpy', ({ a, b, cosine: expected }) => expect(cosine(a, b)).toBeCloseTo(expected, 12))

  it('is 0 for a zero vector', () => expect(cosine([0, 0], [1, 2])).toBe(0))
})
