import { describe, expect, it } from 'vitest'
import { nextBatch } from '../../../src/core/batching.js'

it('takes the first that came, up to the limit, and leaves the waiting list as it is', () => {
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

  it('go with few running sequences all at once', () => {
    expect(next(['p64', 's0', 'p64', 'p64'])).toEqual(['p64', 's0', 'p64', 'p64'])
  })
  it('go with many as far as sixteen tokens a running sequence reach, first come first', () => {
    expect(next([...running, 'p64', 'p64', 'p64', 'p32'])).toEqual([...running, 'p64', 'p64', 'p32'])
  })
  it('go one at a time at least, in their place in the queue', () => {
    expect(next([...running, 'p500', 'p64'])).toEqual([...running, 'p500'])
    expect(next(['p500', ...running], 4)).toEqual(['p500', 's0', 's0', 's0'])
  })
})
