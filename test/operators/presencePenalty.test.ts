import { describe, expect, it } from 'vitest'
import { presencePenalty } from '../../operators/presencePenalty.js'
import { OptionError } from '../../src/core/errors.js'
import { logitsStep, marbles, sequence } from '../marbles.js'

const reply = { ...sequence, tokenIds: [3, 3, 4] }
const l = { ...logitsStep(1, 1, 1, 1, 1), sequence: reply }
const r = { ...logitsStep(1, 1, 1, 0.5, 0.5), sequence: reply }

describe('presencePenalty', () => {
  it(
    'subtracts the penalty once from tokens of the reply',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-l--|', { l })
      expectObservable(source.pipe(presencePenalty({ penalty: 0.5 }))).toBe('-r--|', { r })
      expectSubscriptions(source.subscriptions).toBe('^---!')
    }),
  )

  it.each([Number.NaN, Number.POSITIVE_INFINITY, '2'])('refuses penalty = %s', (penalty) => {
    expect(() => presencePenalty({ penalty: penalty as number })).toThrow(OptionError)
  })
  it('has a registry entry', () =>
    expect(presencePenalty({ penalty: 0.5 }).entry).toEqual({ name: 'presencePenalty', options: { penalty: 0.5 }, need: 'all' }))
})
