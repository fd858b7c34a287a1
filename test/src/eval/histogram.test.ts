import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { histogram, sharedBins } from '../../../src/eval/histogram.js'

const of = (values: readonly number[], finest = 2 ** -20) => {
  const one = histogram(finest)
  values.forEach(one.add)
  return one
}
const value = fc.double({ min: -1e9, max: 1e9, noNaN: true })

describe('histogram', () => {
  it('counts every value in its bin, in any order and range', () =>
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 2000 }), (values) => {
        const [bins] = sharedBins([of(values)])
        for (const { from, to, count } of bins!) expect(values.filter((each) => each >= from && each < to)).toHaveLength(count)
        expect(bins!.reduce((sum, { count }) => sum + count, 0)).toBe(values.length)
        expect(sharedBins([of(values.toReversed())])).toEqual([bins])
      }),
      { numRuns: 40 },
    ))

  it('has few bins for any number of values', () => {
    const one = of(Array.from({ length: 100_000 }, (_, index) => Math.sin(index) * 1e6))
    const { count, width } = one.figures()
    expect(count).toBe(100_000)
    expect(one.bins(width).length).toBeLessThanOrEqual(512)
  })

  it('omits values that are not finite', () => {
    expect(of([Number.NaN, Infinity, 1]).figures()).toMatchObject({ count: 1, low: 1, high: 1 })
  })
})

describe('sharedBins', () => {
  it('uses the same bins for all, and finer ones for more values', () => {
    const few = sharedBins([of([0, 1, 2, 3]), of([8, 9])])
    expect(new Set(few.flat().map(({ from, to }) => to - from))).toEqual(new Set([2]))
    const many = Array.from({ length: 5000 }, (_, index) => index / 500)
    expect(sharedBins([of(many)])[0]!.length).toBeGreaterThan(15)
    expect(sharedBins([of(many)])[0]!.length).toBeLessThanOrEqual(41)
  })

  it('gives one bin for equal values, and none without values', () => {
    expect(sharedBins([of([5, 5], 1), of([], 1)])).toEqual([[{ from: 5, to: 6, count: 2 }], []])
    expect(sharedBins([of([0, 0])])[0]).toHaveLength(1)
    expect(sharedBins([of([]), of([])])).toEqual([[], []])
    expect(sharedBins([])).toEqual([])
  })
})
