import { describe, expect, it, vi } from 'vitest'
import { type MeasuredTurnsOptions, measuredTurns } from '../../../src/core/batching.js'

const SEQUENCES = 4
const turnsOf = (options: Partial<MeasuredTurnsOptions> = {}) =>
  measuredTurns({ running: () => SEQUENCES, now: () => 0, ...options })

/** Takes turns like two models, each group in one model at a time, at `cost(groups)` milliseconds a call. Returns the groups. */
function play(rounds: number, cost: (groups: number) => number, options: Partial<MeasuredTurnsOptions> = {}): number[] {
  let time = 0
  const turns = turnsOf({ now: () => time, ...options })
  return Array.from({ length: rounds }, () => {
    const most = turns.take(SEQUENCES, () => undefined)
    const size = most
    const groups = SEQUENCES / size
    time += size * cost(groups)
    turns.give(Array<number>(size).fill(0))
    return groups
  })
}

/** The share of calls in so many groups. */
function share(groups: readonly number[], wanted: number): number {
  const calls = (some: readonly number[]) => some.reduce((sum, one) => sum + SEQUENCES / one, 0)
  return calls(groups.filter((one) => one === wanted)) / calls(groups)
}

describe('measuredTurns', () => {
  it('runs one batch at a time while all go together, and wakes waiting callers', () => {
    const turns = turnsOf()
    const wake = vi.fn()
    expect(turns.take(SEQUENCES, wake)).toBe(SEQUENCES)
    expect(turns.take(SEQUENCES, wake)).toBe(0)
    turns.give([0, 0])
    expect(wake).toHaveBeenCalledOnce()
    expect(turns.take(SEQUENCES, wake)).toBe(SEQUENCES)
  })
  it.each([2, 4])('keeps the faster of one batch and %i groups', (most) => {
    const together = play(2000, (groups) => (groups === 1 ? 1 : 1.2), { most }).slice(200)
    expect(share(together, 1)).toBeGreaterThan(0.8)
    const apart = play(2000, (groups) => (groups === 1 ? 1 : 0.6), { most }).slice(200)
    expect(share(apart, most)).toBeGreaterThan(0.8)
  })
  it('keeps groups only if they are faster by the gain', () => {
    const cost = (groups: number) => (groups === 1 ? 1 : 0.97)
    expect(share(play(2000, cost).slice(200), 1)).toBeGreaterThan(0.8)
    expect(share(play(2000, cost, { gain: 1.02 }).slice(200), 2)).toBeGreaterThan(0.8)
  })
  it.each<[number, number]>([
    [1.05, 2],
    [1.2, 1],
  ])('with a gain of 0.9 and groups that cost %f of one goes on with %i', (cost, wanted) => {
    const groups = play(2000, (now) => (now === 1 ? 1 : cost), { gain: 0.9, window: 1 })
    expect(share(groups.slice(200), wanted)).toBeGreaterThan(0.8)
  })
  it('keeps groups through a load on the machine that is no longer than a measurement', () => {
    let round = 0
    const cost = (groups: number): number => {
      round += 1
      return (groups === 1 ? 1 : 0.95) * (round > 100 && round <= 106 ? 1.3 : 1)
    }
    expect(share(play(400, cost, { gain: 0.9, window: 1 }).slice(60), 2)).toBe(1)
  })
  it.each([4, 1])('tries the slower way again after the same number of steps with windows of %i', (window) => {
    const groups = play(1000, (now) => (now === 1 ? 1 : 0.7), { window })
    const first = groups.indexOf(2)
    // A step of two groups is two turns.
    const steps = groups.slice(first).indexOf(1) / 2
    expect(steps).toBeGreaterThanOrEqual(384)
    expect(steps).toBeLessThan(384 + 4 + 3 * window)
  })
  it.each([4, 2])('measures one group in windows of %i calls, from the first turn that has all sequences', (window) => {
    expect(play(40, () => 1, { window }).indexOf(2)).toBe(1 + 3 * window)
  })
  it('pays no attention to a pause in one window', () => {
    let calls = 0
    const groups = play(300, (groups) => {
      calls += 1
      return calls === 20 ? 1000 : groups === 1 ? 1 : 0.6
    })
    expect(groups[18]).toBe(2)
    expect(share(groups.slice(60), 2)).toBe(1)
  })
  it('gives up a split that is much slower after two windows', () => {
    const calls = (cost: number) => play(4000, (groups) => (groups === 1 ? 1 : cost)).filter((groups) => groups === 2).length
    expect(calls(2)).toBeLessThan(0.9 * calls(1.1))
  })
  it('lets sequences wait for the rest of the only group that forms, for one step at most', () => {
    let time = 0
    const later = vi.fn<NonNullable<MeasuredTurnsOptions['later']>>()
    const wake = vi.fn()
    const turns = turnsOf({ now: () => time, later })
    const take = (waiting: number) => turns.take(waiting, wake)
    const give = (size: number) => turns.give(Array<number>(size).fill(0))
    let groups = 1
    for (let wasApart = false; !(wasApart && groups === 1); ) {
      const size = take(SEQUENCES)
      groups = SEQUENCES / size
      wasApart ||= groups === 2
      if (wasApart && groups === 1) break
      time += size * (groups === 1 ? 1 : 2)
      give(size)
    }
    give(0)
    expect(later).not.toHaveBeenCalled()
    expect(take(2)).toBe(0)
    expect(later).toHaveBeenCalledExactlyOnceWith(expect.any(Function), SEQUENCES)
    wake.mockClear()
    expect(take(3)).toBe(0)
    later.mock.calls[0]![0]()
    expect(wake).toHaveBeenCalledOnce()
    expect(take(3)).toBe(3)
    give(3)
    expect(take(SEQUENCES)).toBe(SEQUENCES)
    give(SEQUENCES)
    expect(take(2)).toBe(2)
    expect(later).toHaveBeenCalledOnce()
  })
  it('holds nobody for longer who waits while a first group has not formed, also if no other call comes', () => {
    let time = 0
    const later = vi.fn<NonNullable<MeasuredTurnsOptions['later']>>()
    const turns = turnsOf({ now: () => time, later })
    const take = () => turns.take(2, () => undefined)
    for (let turn = 0; turn < 2; turn++) {
      expect(take()).toBe(2)
      time += 10
      turns.give([0, 0])
    }
    expect(take()).toBe(0)
    const [end, milliseconds] = later.mock.calls[0]!
    // Node's timers may be early by a part of a millisecond.
    time += milliseconds - 0.5
    end()
    expect(take()).toBe(2)
  })
  it('lets a part of a group wait for another part, and cuts what several groups wait with', () => {
    let time = 0
    const turns = turnsOf({ running: () => 16, most: 4, now: () => time })
    for (const cost of [2, 2, 1])
      for (let round = 0; round < 16; round++) {
        const size = turns.take(16, () => undefined)
        time += cost * size
        turns.give(Array<number>(size).fill(0))
      }
    const take = (waiting: number) => turns.take(waiting, () => undefined)
    expect([16, 8, 5, 4, 3].map(take)).toEqual([4, 4, 5, 4, 0])
    turns.give([0, 0, 0, 0])
  })
  it('takes turns while more calls wait than sequences run, and while none runs', () => {
    for (const running of [0, 1, 3]) expect(turnsOf({ running: () => running }).take(40, () => undefined)).toBe(40)
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
    const alone = turnsOf({ running: () => 1 })
    const busy = turnsOf()
    for (let turn = 0; turn < 200; turn++) {
      expect(alone.take(1, () => undefined)).toBe(1)
      alone.give([0])
      expect(busy.take(SEQUENCES, () => undefined)).toBe(SEQUENCES)
      busy.give([0, 0, 64])
    }
  })
})
