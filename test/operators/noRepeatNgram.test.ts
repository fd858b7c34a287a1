import { describe, expect, it } from 'vitest'
import { noRepeatNgram } from '../../operators/noRepeatNgram.js'
import { OptionError, ShapeError } from '../../src/core/errors.js'
import { logitsStep, marbles, sequence, sparseStep } from '../marbles.js'

const banned = Number.NEGATIVE_INFINITY
/** After 1 2 1 has come: 1 2 may not come again. */
const before = { ...sequence, promptTokenIds: [1, 2], tokenIds: [1] }
const l = { ...logitsStep(0, 1, 2), sequence: before }
const r = { ...logitsStep(0, 1, banned), sequence: before }

describe('noRepeatNgram', () => {
  it(
    'bans what would repeat an n-gram of prompt and reply',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-l--|', { l })
      expectObservable(source.pipe(noRepeatNgram({ n: 2 }))).toBe('-r--|', { r })
      expectSubscriptions(source.subscriptions).toBe('^---!')
    }),
  )

  it(
    'passes nothing, silence and errors on, and leaves the source when it is left',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const operator = noRepeatNgram({ n: 2 })
      expectObservable(cold('|').pipe(operator as never)).toBe('|')
      expectObservable(cold('-').pipe(operator as never)).toBe('-')
      expectObservable(cold('-#').pipe(operator as never)).toBe('-#')
      const source = cold('-l--l--|', { l })
      expectObservable(source.pipe(operator), '^--!').toBe('-r--', { r })
      expectSubscriptions(source.subscriptions).toBe('^--!')
    }),
  )

  it(
    'errors for sparse logits, which hold not all tokens',
    marbles(({ cold, expectObservable }) => {
      const s = sparseStep({ tokenIds: Int32Array.of(1), values: Float32Array.of(1) })
      const error = new ShapeError('Expected the logits of the whole vocabulary, got the top 1')
      expectObservable(cold('s|', { s }).pipe(noRepeatNgram({ n: 2 }))).toBe('#', {}, error)
    }),
  )

  it.each([0, 1.5, Number.NaN, '2'])('refuses n = %s when it is called', (n) => {
    expect(() => noRepeatNgram({ n: n as number })).toThrow(OptionError)
  })
  it('says what it is', () =>
    expect(noRepeatNgram({ n: 2 }).entry).toEqual({ name: 'noRepeatNgram', options: { n: 2 }, need: 'all' }))
})
