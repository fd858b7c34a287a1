import { describe, expect, it } from 'vitest'
import { nextBatch } from '../../../src/core/batching.js'

it('takes the oldest up to the limit, and does not mutate the queue', () => {
  const waiting = ['a', 'b', 'c']
  expect(nextBatch(waiting, { maxBatch: 2 })).toEqual({ batch: ['a', 'b'], rest: ['c'] })
  expect(nextBatch(waiting, { maxBatch: 9 })).toEqual({ batch: ['a', 'b', 'c'], rest: [] })
  expect(nextBatch([], { maxBatch: 2 })).toEqual({ batch: [], rest: [] })
  expect(waiting).toEqual(['a', 'b', 'c'])
})

describe('prompts that arrive while others run', () => {
  const promptTokens = (call: string): number => Number(call.slice(1))
  const next = (waiting: readonly string[], maxBatch = 99) => nextBatch(waiting, { maxBatch, promptTokens }).batch
  const running = Array.from({ length: 10 }, () => 's0')

  it('go all at once with few running sequences', () => {
    expect(next(['p64', 's0', 'p64', 'p64'])).toEqual(['p64', 's0', 'p64', 'p64'])
  })
  it('go up to sixteen tokens for each running sequence, in order of arrival', () => {
    expect(next([...running, 'p64', 'p64', 'p64', 'p32'])).toEqual([...running, 'p64', 'p64', 'p32'])
  })
  it('go at least one at a time, in order', () => {
    expect(next([...running, 'p500', 'p64'])).toEqual([...running, 'p500'])
    expect(next(['p500', ...running], 4)).toEqual(['p500', 's0', 's0', 's0'])
  })
})
