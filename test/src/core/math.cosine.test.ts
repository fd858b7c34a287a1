import { describe, expect, it } from 'vitest'
import { highestCosine } from '../../../src/core/math.js'

const vector = (...values: number[]) => Float32Array.from(values)

describe('highestCosine', () => {
  it('is the cosine with the nearest direction, at any length', () => {
    const others = [vector(3, 0), vector(0, -2), vector(1, 1)]
    const found = highestCosine(others, [vector(5, 0), vector(0, 4), vector(-1, 0)])
    ;[1, Math.SQRT1_2, 0].forEach((expected, i) => {
      expect(found[i]).toBeCloseTo(expected, 12)
    })
    expect([...highestCosine([vector(0, 1)], [vector(0, -3)])]).toEqual([-1])
  })
  it('is 0 with a vector of zeros', () => {
    expect([...highestCosine([vector(0, 0)], [vector(1, 2)])]).toEqual([0])
    expect([...highestCosine([vector(1, 2)], [vector(0, 0)])]).toEqual([0])
  })
})
