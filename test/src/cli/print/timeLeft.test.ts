import { describe, expect, it } from 'vitest'
import { timeLeft } from '../../../../src/cli/print/timeLeft.js'

describe('timeLeft', () => {
  const given = { rows: 40, made: 0, elapsed: 10_000, tokens: 1000, maxTokens: 100, running: Array<number>(16).fill(62.5) }

  it('estimates from tokens before the first row ends', () => {
    // 16 rows have 37.5 tokens to go, 24 have 100: 3,000 tokens at 100 a second.
    expect(timeLeft(given)).toBeCloseTo(30_000)
  })

  it('is not misled by the first rows to end', () => {
    const left = timeLeft({ ...given, rows: 39, made: 1, running: Array<number>(15).fill(62.5) })
    expect(left).toBeLessThan(31_000)
  })

  it('says nothing while prompts are read, before the rows at work have a second token each', () => {
    const running = Array<number>(16).fill(1)
    expect(timeLeft({ ...given, tokens: 1, running: [1] })).toBeUndefined()
    expect(timeLeft({ ...given, tokens: 16, running })).toBeUndefined()
    expect(timeLeft({ ...given, tokens: 32, running: running.map(() => 2) })).toBeGreaterThan(0)
  })

  it('learns the length of replies', () => {
    expect(timeLeft({ ...given, rows: 20, made: 50, running: [] })).toBeCloseTo(20 * 20 * 10)
  })

  it('estimates from rows without tokens, and is silent before the first one', () => {
    expect(timeLeft({ ...given, tokens: 0, made: 4, rows: 8 })).toBeCloseTo(20_000)
    expect(timeLeft({ ...given, tokens: 0 })).toBeUndefined()
    expect(timeLeft({ ...given, rows: 0 })).toBeUndefined()
  })
})
