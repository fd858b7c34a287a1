import { describe, expect, it } from 'vitest'
import { logitBias } from '../../operators/logitBias.js'
import { OptionError, ShapeError } from '../../src/core/errors.js'
import { logitsStep, marbles } from '../marbles.js'

const l = logitsStep(0, 2, 1)
const r = logitsStep(1.5, 2, 0)

describe('logitBias', () => {
  it(
    'adds a number to the logit of each listed token',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-l--|', { l })
      expectObservable(source.pipe(logitBias({ bias: { 0: 1.5, 2: -1 } }))).toBe('-r--|', { r })
      expectSubscriptions(source.subscriptions).toBe('^---!')
    }),
  )

  it(
    'errors for a token outside the vocabulary',
    marbles(({ cold, expectObservable }) => {
      const error = new ShapeError('Expected token ids below 3 to bias, got 3')
      expectObservable(cold('l|', { l }).pipe(logitBias({ bias: { 3: 1 } }))).toBe('#', {}, error)
    }),
  )

  it.each([{ a: 1 }, { 1: '2' }, { '-1': 1 }, { 1: Number.POSITIVE_INFINITY }, 3])('refuses bias = %j', (bias) => {
    expect(() => logitBias({ bias: bias as never })).toThrow(OptionError)
  })
  it('has a registry entry', () =>
    expect(logitBias({ bias: { 0: 1.5, 2: -1 } }).entry).toEqual({
      name: 'logitBias',
      options: { bias: { 0: 1.5, 2: -1 } },
      need: 'all',
    }))
})
