import { describe, expect, it, vi } from 'vitest'
import { measuredTurns } from '../../../src/core/batching.js'

const SEQUENCES = 4

/** Takes turns like two models, each group in one model at a time, at `cost(groups)` milliseconds a call. Returns the groups. */
function play(rounds: number, cost: (groups: number) => number): number[] {
  let time = 0
  const turns = measuredTurns(
    () => SEQUENCES,
    () => time,
  )
  return Array.from({ length: rounds }, () => {
    const most = turns.take(SEQUENCES, () => undefined)
    const size = most
    const groups = SEQUENCES / size
    time += size * cost(groups)
    turns.give(Array<number>(size).fill(0))
    return groups
  })
}

const share = (groups: readonly number[], wanted: number) => groups.filter((one) => one === wanted).length / groups.length

describe('measuredTurns', () => {
  it('runs one batch at a time while all go together, and wakes waiting callers', () => {
    const turns = measuredTurns(
      () => SEQUENCES,
      () => 0,
    )
    const wake = vi.fn()
    expect(turns.take(SEQUENCES, wake)).toBe(SEQUENCES)
    expect(turns.take(SEQUENCES, wake)).toBe(0)
    turns.give([0, 0])
    expect(wake).toHaveBeenCalledOnce()
    expect(turns.take(SEQUENCES, wake)).toBe(SEQUENCES)
  })
  it('keeps the faster of one batch and two groups', () => {
    const together = play(2000, (groups) => (groups === 1 ? 1 : 1.2)).slice(200)
    expect(share(together, 1)).toBeGreaterThan(0.8)
    const apart = play(2000, (groups) => (groups === 1 ? 1 : 0.6)).slice(200)
    expect(share(apart, 2)).toBeGreaterThan(0.8)
  })
  it('switches when the faster one changes', () => {
    let calls = 0
    const groups = play(4000, (now) => {
      calls += 1
      return (now === 1) === calls < 2000 ? 1 : 1.5
    })
    expect(share(groups.slice(200, 1900), 1)).toBeGreaterThan(0.8)
    expect(share(groups.slice(3000), 2)).toBeGreaterThan(0.8)
  })
  it('does not measure a single sequence, or turns with long prompts', () => {
    const alone = measuredTurns(
      () => 1,
      () => 0,
    )
    const busy = measuredTurns(
      () => SEQUENCES,
      () => 0,
    )
    for (let turn = 0; turn < 200; turn++) {
      expect(alone.take(1, () => undefined)).toBe(1)
      alone.give([0])
      expect(busy.take(SEQUENCES, () => undefined)).toBe(SEQUENCES)
      busy.give([0, 0, 64])
    }
  })
})
