import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ShapeError } from '../../../src/core/errors.js'
import { argmax, logSumExp, softmax, standardDeviation, topIndices } from '../../../src/core/math.js'

/** Few distinct values, so that ties are common. */
const values = fc
  .array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 300 })
  .map((list) => Float32Array.from(list))

describe('standardDeviation', () => {
  it('is that of a whole population', () => {
    expect(standardDeviation(Float32Array.of(2, 4, 4, 4, 5, 5, 7, 9))).toBe(2)
    expect(standardDeviation(Float32Array.of(3))).toBe(0)
  })
})

describe('topIndices', () => {
  it('equals a full sort, ties to the lower index', () => {
    fc.assert(
      fc.property(values, fc.nat(), (list, n) => {
        const k = (n % list.length) + 1
        const sorted = Array.from(list.keys()).sort((a, b) => list[b]! - list[a]! || a - b)
        expect([...topIndices(list, k)]).toEqual(sorted.slice(0, k))
      }),
    )
  })
  it.each([1, 600])('sorts %i values and more of any sign and size, zeros of both signs as equals', (minLength) => {
    const any = fc.float({ noNaN: true, max: Math.fround(3e38) })
    const zeros = fc.constantFrom(0, -0, 1e-45, -1e-45, 1, -1)
    fc.assert(
      fc.property(fc.array(fc.oneof(any, zeros), { minLength, maxLength: minLength + 60 }), (list) => {
        const floats = Float32Array.from([1, ...list])
        const order = Array.from(floats.keys()).sort((a, b) =>
          floats[a]! === floats[b]! ? a - b : floats[b]! > floats[a]! ? 1 : -1,
        )
        expect([...topIndices(floats, floats.length)]).toEqual(
          order.filter((index) => floats[index] !== Number.NEGATIVE_INFINITY),
        )
      }),
    )
  })
  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses %s at any place', (bad) => {
    for (const [at, k, length] of [
      [0, 2, 5],
      [1, 2, 5],
      [4, 2, 5],
      [3, 5, 5],
      [599, 600, 600],
    ] as const) {
      const list = Float32Array.from({ length }, (_, index) => length - index)
      list[at] = bad
      expect(() => topIndices(list, k)).toThrow(new ShapeError(`Expected finite values, got ${bad} at index ${at}`))
    }
  })
  it('skips banned tokens, and refuses if all are banned', () => {
    const banned = Number.NEGATIVE_INFINITY
    expect([...topIndices([banned, 2, banned, 3], 3)]).toEqual([3, 1])
    expect([...topIndices([banned, 2, 1, 3], 2)]).toEqual([3, 1])
    expect(() => topIndices([banned, banned], 1)).toThrow(new ShapeError('Expected a value that may be chosen, got −∞ only'))
  })
  it('refuses more than the number of values', () => {
    expect(() => topIndices(Float32Array.of(1, 2), 3)).toThrow(
      new ShapeError('Expected at least 3 values to take the 3 largest, got 2'),
    )
  })
})

describe('argmax', () => {
  it('finds the first of the largest', () => {
    expect(argmax([1, 3, 3, 2])).toBe(1)
  })
  it('refuses an empty list and values that are not finite', () => {
    expect(() => argmax([])).toThrow(ShapeError)
    expect(() => argmax([1, Number.NaN])).toThrow(new ShapeError('Expected finite values, got NaN at index 1'))
  })
})

describe('softmax and logSumExp', () => {
  it('agree with the definition and do not overflow', () => {
    expect(logSumExp([1, 2, 3])).toBeCloseTo(Math.log(Math.exp(1) + Math.exp(2) + Math.exp(3)), 12)
    expect(logSumExp([1e6, 1e6])).toBeCloseTo(1e6 + Math.log(2), 9)
    expect(logSumExp([])).toBe(Number.NEGATIVE_INFINITY)
    const shares = softmax([1, 2, 3], 0.5)
    expect(shares.reduce((sum, share) => sum + share)).toBeCloseTo(1, 12)
    expect(shares[2]! / shares[1]!).toBeCloseTo(Math.exp(2), 9)
  })
})
