import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { finerPoints } from '../../../pipelines/evaluation/finerPoints.js'
import { tries } from '../../fastCheck.js'

const [KS, WEIGHTS] = [
  [5, 10, 20],
  [0.5, 1, 2],
]

describe('finerPoints', () => {
  it.each([
    { place: 'in the middle', best: '10 1', ks: KS, weights: WEIGHTS, finer: '10 0.75, 10 1.5, 7 1, 14 1' },
    { place: 'at the upper edge', best: '20 2', ks: KS, weights: WEIGHTS, finer: '20 1.5, 20 3, 14 2, 30 2' },
    { place: 'at the lower edge', best: '5 0.5', ks: KS, weights: WEIGHTS, finer: '5 0.25, 5 0.75, 3 0.5, 7 0.5' },
    { place: 'of negative weights', best: '10 -1', ks: [10], weights: [-1, -0.5], finer: '10 -1.5, 10 -0.75' },
    { place: 'with one k', best: '10 1', ks: [10], weights: [0.5, 1], finer: '10 0.75, 10 1.5' },
    { place: 'with one of each', best: '10 1', ks: [10], weights: [1], finer: '' },
    { place: 'with weights in any order', best: '10 1', ks: [10], weights: [2, 0.5, 1], finer: '10 0.75, 10 1.5' },
  ])('$place', ({ best, ks, weights, finer }) => {
    const [k, weight] = best.split(' ').map(Number)
    const points = finerPoints({ k: k!, weight: weight! }, ks, weights)
    expect(points.map((point) => `${point.k} ${point.weight}`).join(', ')).toBe(finer)
  })

  it('are new points, each once, that differ from the best in one number', () =>
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 6 }),
        fc.uniqueArray(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 6 }),
        fc.nat(5),
        fc.nat(5),
        (ks, weights, a, b) => {
          const [k, weight] = [ks[a % ks.length]!, weights[b % weights.length]!]
          const points = finerPoints({ k, weight }, ks, weights)
          expect(new Set(points.map(({ name }) => name)).size).toBe(points.length)
          for (const point of points) {
            expect(ks.includes(point.k) && weights.includes(point.weight)).toBe(false)
            expect(point.k === k || point.weight === weight).toBe(true)
            expect(Number.isFinite(point.weight) && point.k >= 1).toBe(true)
          }
        },
      ),
      { numRuns: tries(200) },
    ))
})
