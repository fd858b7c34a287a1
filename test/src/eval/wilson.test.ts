import { describe, expect, it } from 'vitest'
import { wilson } from '../../../src/eval/wilson.js'
import { evalGolden, seeded } from './eval.js'

describe('wilson', () => {
  it.each(evalGolden.wilson)('lies between the roots of its equation for $successes of $n', ({ successes, n, interval }) => {
    const { value, low, high } = wilson(successes, n)!
    expect(value).toBe(successes / n)
    expect(low).toBeCloseTo(interval[0], 6)
    expect(high).toBeCloseTo(interval[1], 6)
  })

  it('is null without values', () => expect(wilson(0, 0)).toBeUndefined())

  it.each([
    [0.5, 30],
    [0.9, 60],
    [0.98, 300],
  ])('holds a share of %d in about 95%% of samples of %i', (share, n) => {
    const { uniform } = seeded(3)
    let covered = 0
    const samples = 4000
    for (let sample = 0; sample < samples; sample++) {
      let successes = 0
      for (let i = 0; i < n; i++) if (uniform() < share) successes++
      const { low, high } = wilson(successes, n)!
      if (low <= share && share <= high) covered++
    }
    // Shares are whole numbers of n: the coverage is near 0.95, and never exactly.
    expect(covered / samples).toBeGreaterThan(0.925)
    expect(covered / samples).toBeLessThan(0.975)
  })
})
