import { describe, expect, it } from 'vitest'
import { generationCost } from '../../../src/eval/generationCost.js'

const timed = (durations: readonly number[], tokens = 10) =>
  durations.map((durationMs, n) => ({ id: `p${n}`, durationMs, tokens }))

describe('generationCost', () => {
  it('is time over tokens, and its ratio over common prompts', () => {
    const cost = generationCost(timed([100, 300, 9000].slice(0, 2)), timed([400, 1200, 5]), 0)!
    expect([cost.prompts, cost.first, cost.second, cost.ratio.value]).toEqual([2, 20, 80, 4])
    expect([cost.ratio.low, cost.ratio.high]).toEqual([4, 4])
  })
  it('has an interval around the ratio if prompts differ', () => {
    const { ratio } = generationCost(timed([100, 100, 100, 100, 100, 100]), timed([100, 200, 300, 400, 500, 600]), 1)!
    expect(ratio.value).toBeCloseTo(3.5)
    expect(ratio.low).toBeLessThan(3.2)
    expect(ratio.high).toBeGreaterThan(3.8)
    expect(ratio.low).toBeGreaterThan(1)
    expect(ratio.high).toBeLessThan(6)
  })
  it('is absent without a common prompt or tokens', () => {
    expect(generationCost(timed([1]), [], 0)).toBeUndefined()
    expect(generationCost(timed([1], 0), timed([1]), 0)).toBeUndefined()
  })
})
