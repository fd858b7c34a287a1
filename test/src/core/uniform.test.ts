import { describe, expect, it } from 'vitest'
import { philox, uniform } from '../../../src/core/uniform.js'

const count = 20_000

/** Sum of squared deviations from equal shares. With 63 degrees of freedom it exceeds 120 once in 50,000 times. */
const chiSquared = (numbers: readonly number[], bins = 64): number => {
  const counts = new Array<number>(bins).fill(0)
  for (const number of numbers) counts[Math.floor(number * bins)]!++
  const expected = numbers.length / bins
  return counts.reduce((sum, observed) => sum + (observed - expected) ** 2 / expected, 0)
}

const correlation = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, x, i) => sum + (x - 0.5) * (b[i]! - 0.5), 0) / a.length / (1 / 12)

describe('uniform', () => {
  it('is Philox4x32-10 (known answers of Random123)', () => {
    const hex = (words: readonly number[]): string => words.map((word) => word.toString(16).padStart(8, '0')).join(' ')
    expect(hex(philox([0, 0, 0, 0], [0, 0]))).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8')
    const ones = 0xffffffff
    expect(hex(philox([ones, ones, ones, ones], [ones, ones]))).toBe('408f276d 41c83b0e a20bc7c6 6d5451fd')
    expect(hex(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]))).toBe(
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    )
  })
  it('gives the same number for the same arguments, and another for others', () => {
    expect(uniform(1, 'a', 0, 0)).toBe(uniform(1, 'a', 0, 0))
    const others = [
      uniform(1, 'a', 0, 0),
      uniform(2, 'a', 0, 0),
      uniform(1 + 2 ** 40, 'a', 0, 0),
      uniform(1, 'b', 0, 0),
      uniform(1, 'a', 1, 0),
      uniform(1, 'a', 0, 1),
      uniform(1, '', 0, 0),
      uniform(1, 'a\0', 0, 0),
    ]
    expect(new Set(others).size).toBe(others.length)
  })
  it.each<[string, (i: number) => number]>([
    ['positions', (i) => uniform(0, 'prompt', 0, i)],
    ['samples', (i) => uniform(0, 'prompt', i, 3)],
    ['prompts', (i) => uniform(0, `prompts.jsonl:${i}`, 0, 0)],
    ['seeds', (i) => uniform(i, 'prompt', 0, 0)],
  ])('is uniform and without memory over %s', (_, at) => {
    const numbers = Array.from({ length: count }, (_, i) => at(i))
    expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true)
    expect(new Set(numbers).size).toBe(count)
    expect(chiSquared(numbers)).toBeLessThan(120)
    for (const lag of [1, 2, 7]) expect(Math.abs(correlation(numbers.slice(lag), numbers))).toBeLessThan(0.035)
  })
})
