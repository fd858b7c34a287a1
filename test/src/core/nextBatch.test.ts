import { expect, it } from 'vitest'
import { nextBatch } from '../../../src/core/nextBatch.js'

it('takes the first that came, up to the limit, and leaves the waiting list as it is', () => {
  const waiting = ['a', 'b', 'c']
  expect(nextBatch(waiting, 2)).toEqual({ batch: ['a', 'b'], rest: ['c'] })
  expect(nextBatch(waiting, 9)).toEqual({ batch: ['a', 'b', 'c'], rest: [] })
  expect(nextBatch([], 2)).toEqual({ batch: [], rest: [] })
  expect(waiting).toEqual(['a', 'b', 'c'])
})
