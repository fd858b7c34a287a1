import { describe, expect, it } from 'vitest'
import { frequencyPenalty } from '../../operators/frequencyPenalty.js'
import { OptionError, ShapeError } from '../../src/core/errors.js'
import { logitsStep, marbles, sequence, sparseStep } from '../marbles.js'

const reply = { ...sequence, tokenIds: [3, 3, 4] }
const l = { ...logitsStep(1, 1, 1, 1, 1), sequence: reply }
const r = { ...logitsStep(1, 1, 1, 0, 0.5), sequence: reply }

describe('frequencyPenalty', () => {
  it(
    'takes the penalty off tokens as often as the reply has them',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-l--|', { l })
      expectObservable(source.pipe(frequencyPenalty({ penalty: 0.5 }))).toBe('-r--|', { r })
      expectSubscriptions(source.subscriptions).toBe('^---!')
    }),
  )

  it(
    'passes nothing, silence and errors on, and leaves the source when it is left',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const operator = frequencyPenalty({ penalty: 0.5 })
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
      expectObservable(cold('s|', { s }).pipe(frequencyPenalty({ penalty: 0.5 }))).toBe('#', {}, error)
    }),
  )

  it.each([Number.NaN, Number.POSITIVE_INFINITY, '2'])('refuses penalty = %s when it is called', (penalty) => {
    expect(() => frequencyPenalty({ penalty: penalty as number })).toThrow(OptionError)
  })
  it('says what it is', () =>
    expect(frequencyPenalty({ penalty: 0.5 }).entry).toEqual({
      name: 'frequencyPenalty',
      options: { penalty: 0.5 },
      need: 'all',
    }))
})
