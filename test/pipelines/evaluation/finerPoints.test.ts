import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { finerPoints } from '../../../pipelines/evaluation/finerPoints.js'
import { tries } from '../../fastCheck.js'

const namesOf = (k: number, weight: number, ks: readonly number[], weights: readonly number[]) =>
  finerPoints({ k, weight }, ks, weights).map((point) => [point.k, point.weight])

describe('finerPoints', () => {
  it.each([
    [
      'in the middle',
      10,
      1,
      [5, 10, 20],
      [0.5, 1, 2],
      [
        [10, 0.75],
        [10, 1.5],
        [7, 1],
        [14, 1],
      ],
    ],
    [
      'at the upper edge',
      20,
      2,
      [5, 10, 20],
      [0.5, 1, 2],
      [
        [20, 1.5],
        [20, 3],
        [14, 2],
        [30, 2],
      ],
    ],
    [
      'at the lower edge',
      5,
      0.5,
      [5, 10, 20],
      [0.5, 1, 2],
      [
        [5, 0.25],
        [5, 0.75],
        [3, 0.5],
        [7, 0.5],
      ],
    ],
    [
      'of negative weights',
      10,
      -1,
      [10],
      [-1, -0.5],
      [
        [10, -1.5],
        [10, -0.75],
      ],
    ],
    [
      'with one k',
      10,
      1,
      [10],
      [0.5, 1],
      [
        [10, 0.75],
        [10, 1.5],
      ],
    ],
    ['with one of each', 10, 1, [10], [1], []],
    [
      'with weights in any order',
      10,
      1,
      [10],
      [2, 0.5, 1],
      [
        [10, 0.75],
        [10, 1.5],
      ],
    ],
  ] as const)('%s', (_, k, weight, ks, weights, points) => expect(namesOf(k, weight, ks, weights)).toEqual(points))

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
