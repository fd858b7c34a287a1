import { describe, expect, it } from 'vitest'
import { repetitionPenalty } from '../../operators/repetitionPenalty.js'
import { OptionError, ShapeError } from '../../src/core/errors.js'
import { logitsStep, marbles, sparseStep } from '../marbles.js'

// The prompt is 1 2, the reply 3.
const l = logitsStep(4, 4, -4, 0, -4)
const r = logitsStep(4, 2, -8, 0, -4)

describe('repetitionPenalty', () => {
  it(
    'divides positive logits of tokens that came, and multiplies negative ones',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-l--|', { l })
      expectObservable(source.pipe(repetitionPenalty({ penalty: 2 }))).toBe('-r--|', { r })
      expectSubscriptions(source.subscriptions).toBe('^---!')
    }),
  )

  it(
    'passes nothing, silence and errors on, and leaves the source when it is left',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const operator = repetitionPenalty({ penalty: 2 })
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
      expectObservable(cold('s|', { s }).pipe(repetitionPenalty({ penalty: 2 }))).toBe('#', {}, error)
    }),
  )

  it.each([0, -1, Number.NaN, '2'])('refuses penalty = %s when it is called', (penalty) => {
    expect(() => repetitionPenalty({ penalty: penalty as number })).toThrow(OptionError)
  })
  it('says what it is', () =>
    expect(repetitionPenalty({ penalty: 2 }).entry).toEqual({ name: 'repetitionPenalty', options: { penalty: 2 }, need: 'all' }))
})
