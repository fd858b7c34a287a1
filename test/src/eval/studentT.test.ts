import { describe, expect, it } from 'vitest'
import { upperTailOfT } from '../../../src/eval/studentT.js'

describe('upperTailOfT', () => {
  // Printed tables of the distribution, to six digits.
  it.each([
    [6.313752, 1, 0.05],
    [1.885618, 2, 0.1],
    [4.540703, 3, 0.01],
    [4.032143, 5, 0.005],
    [2.228139, 10, 0.025],
    [3.849516, 20, 0.0005],
    [2.04523, 29, 0.025],
    [3.173739, 100, 0.001],
  ])('of t = %d with %d degrees of freedom is that of the tables', (t, freedom, tail) => {
    expect(upperTailOfT(t, freedom) / tail).toBeCloseTo(1, 5)
    expect(upperTailOfT(-t, freedom)).toBeCloseTo(1 - tail, 6)
  })

  it('is a half at 0 and nothing at infinity, for even and odd degrees', () => {
    for (const freedom of [1, 2, 3, 8, 31]) {
      expect(upperTailOfT(0, freedom)).toBe(0.5)
      expect(upperTailOfT(Number.POSITIVE_INFINITY, freedom)).toBeCloseTo(0, 12)
    }
  })
})
