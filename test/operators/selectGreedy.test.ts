import { describe, expect, it } from 'vitest'
import { selectGreedy } from '../../operators/selectGreedy.js'
import { OptionError, ShapeError } from '../../src/core/errors.js'
import { candidates, marbles, relays } from '../marbles.js'

const c = candidates([7, 8, 9], [2, 1, 0], [1, 3, 3])
const done = { ...c, index: 1, tokenId: 8 }

describe('selectGreedy', () => {
  it(
    'selects the highest score, ties to the first',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-c--|', { c })
      expectObservable(source.pipe(selectGreedy())).toBe('-d--|', { d: done })
      expectSubscriptions(source.subscriptions).toBe('^---!')
    }),
  )
  it(
    'errors for no candidates and for a score that is not finite',
    marbles(({ cold, expectObservable }) => {
      const none = new ShapeError('Expected at least one value to choose from, got none')
      expectObservable(cold('c|', { c: candidates([], []) }).pipe(selectGreedy())).toBe('#', {}, none)
      const nan = new ShapeError('Expected finite values, got NaN at index 1')
      expectObservable(cold('c|', { c: candidates([1, 2], [1, Number.NaN]) }).pipe(selectGreedy())).toBe('#', {}, nan)
    }),
  )
  it('passes on an empty source, a silent source and errors, and unsubscribes from the source', relays(selectGreedy(), c, done))
  it('has no options', () => {
    expect(() => selectGreedy({ k: 1 } as never)).toThrow(new OptionError('Unknown option `k` of `selectGreedy`; known: none'))
    expect(selectGreedy().entry).toEqual({ name: 'selectGreedy', options: {} })
  })
})
