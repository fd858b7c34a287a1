import { describe, expect, it } from 'vitest'
import { repetitionPenalty } from '../../operators/repetitionPenalty.js'
import { OptionError } from '../../src/core/errors.js'
import { logitsStep, marbles } from '../marbles.js'

// The prompt is 1 2, the reply 3.
const l = logitsStep(4, 4, -4, 0, -4)
const r = logitsStep(4, 2, -8, 0, -4)

describe('repetitionPenalty', () => {
  it(
    'divides positive logits of earlier tokens and multiplies negative ones',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-l--|', { l })
      expectObservable(source.pipe(repetitionPenalty({ penalty: 2 }))).toBe('-r--|', { r })
      expectSubscriptions(source.subscriptions).toBe('^---!')
    }),
  )

  it.each([0, -1, Number.NaN, '2'])('refuses penalty = %s', (penalty) => {
    expect(() => repetitionPenalty({ penalty: penalty as number })).toThrow(OptionError)
  })
  it('has a registry entry', () =>
    expect(repetitionPenalty({ penalty: 2 }).entry).toEqual({ name: 'repetitionPenalty', options: { penalty: 2 }, need: 'all' }))
})
