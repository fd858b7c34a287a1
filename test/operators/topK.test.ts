import { map } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { topK } from '../../operators/topK.js'
import { OptionError, ShapeError } from '../../src/core/errors.js'
import { candidates, logitsStep, marbles, relays, sparseStep } from '../marbles.js'

const l = logitsStep(1, 4, 2, 4)
const c = candidates([1, 3], [4, 4])

describe('topK', () => {
  it(
    'keeps the k largest, ties to the lower id',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-l--|', { l })
      const subs = '       ^---!'
      const expected = '   -c--|'
      expectObservable(source.pipe(topK({ k: 2 }))).toBe(expected, { c })
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it(
    'keeps the first k of a sorted list with their token ids',
    marbles(({ cold, expectObservable }) => {
      const s = sparseStep({ tokenIds: Int32Array.of(70, 9, 12), values: Float32Array.of(5, 3, 3) })
      expectObservable(cold('s|', { s }).pipe(topK({ k: 2 }))).toBe('c|', { c: candidates([70, 9], [5, 3]) })
    }),
  )

  it(
    'keeps custom fields and drops the logits',
    marbles(({ cold, expectObservable }) => {
      const own = { ...l, penalty: 3 }
      expectObservable(
        cold('s|', { s: own }).pipe(
          topK({ k: 2 }),
          map(({ penalty }) => penalty),
        ),
      ).toBe('p|', { p: 3 })
    }),
  )

  it('passes on an empty source, a silent source and errors, and unsubscribes from the source', relays(topK({ k: 2 }), l, c))

  it(
    'errors for fewer than k logits, one that is not finite, and a wrong number of ids',
    marbles(({ cold, expectObservable }) => {
      const few = new ShapeError('Expected at least 5 values to take the 5 largest, got 4')
      expectObservable(cold('l|', { l }).pipe(topK({ k: 5 }))).toBe('#', {}, few)
      const nan = new ShapeError('Expected finite values, got NaN at index 1')
      expectObservable(cold('l|', { l: logitsStep(1, Number.NaN) }).pipe(topK({ k: 1 }))).toBe('#', {}, nan)
      const odd = new ShapeError('Expected one token id per logit, got 1 ids for 2 logits')
      const s = sparseStep({ tokenIds: Int32Array.of(1), values: Float32Array.of(1, 2) })
      expectObservable(cold('s|', { s }).pipe(topK({ k: 1 }))).toBe('#', {}, odd)
    }),
  )

  it(
    'omits banned tokens',
    marbles(({ cold, expectObservable }) => {
      const banned = logitsStep(1, Number.NEGATIVE_INFINITY, 2, Number.NEGATIVE_INFINITY)
      expectObservable(cold('b|', { b: banned }).pipe(topK({ k: 3 }))).toBe('c|', { c: candidates([2, 0], [2, 1]) })
    }),
  )

  it.each([0, -1, 1.5, Number.NaN, '10'])('refuses k = %s', (k) => {
    expect(() => topK({ k: k as number })).toThrow(OptionError)
  })
  it('names the expected option and an unknown one', () => {
    expect(() => topK({ k: 0 })).toThrow(new OptionError('Expected `k` to be an integer >= 1, got `0` (number)'))
    expect(() => topK({ k: 1, n: 2 } as never)).toThrow(new OptionError('Unknown option `n` of `topK`; known: k'))
  })
  it('carries its registry entry', () => {
    expect(topK({ k: 3 }).entry).toEqual({ name: 'topK', options: { k: 3 }, need: 3 })
  })
})
