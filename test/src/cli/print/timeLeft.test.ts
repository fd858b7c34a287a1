import { describe, expect, it } from 'vitest'
import { timeLeft } from '../../../../src/cli/print/timeLeft.js'

describe('timeLeft', () => {
  const given = { rows: 40, made: 0, elapsed: 10_000, tokens: 1000, maxTokens: 100, running: Array<number>(16).fill(62.5) }

  it('follows tokens before the first row ends: the most that is left', () => {
    // 16 rows have 37.5 tokens to go, 24 have 100: 3,000 tokens at 100 a second.
    expect(timeLeft(given)).toBeCloseTo(30_000)
  })

  it('is not misled by the first rows, which end alone after most of the others were decoded', () => {
    const left = timeLeft({ ...given, rows: 39, made: 1, running: Array<number>(15).fill(62.5) })
    expect(left).toBeLessThan(31_000)
  })

  it('learns how long replies are', () => {
    expect(timeLeft({ ...given, rows: 20, made: 50, running: [] })).toBeCloseTo(20 * 20 * 10)
  })

  it('follows rows where there are no tokens, and says nothing before there is one', () => {
    expect(timeLeft({ ...given, tokens: 0, made: 4, rows: 8 })).toBeCloseTo(20_000)
    expect(timeLeft({ ...given, tokens: 0 })).toBeUndefined()
    expect(timeLeft({ ...given, rows: 0 })).toBeUndefined()
  })
})
