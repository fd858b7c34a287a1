import { describe, expect, it } from 'vitest'
import { frequencyPenalty } from '../../operators/frequencyPenalty.js'
import { OptionError } from '../../src/core/errors.js'
import { logitsStep, marbles, sequence } from '../marbles.js'

const reply = { ...sequence, tokenIds: [3, 3, 4] }
const l = { ...logitsStep(1, 1, 1, 1, 1), sequence: reply }
const r = { ...logitsStep(1, 1, 1, 0, 0.5), sequence: reply }

describe('frequencyPenalty', () => {
  it(
    'subtracts the penalty once for each occurrence in the reply',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-l--|', { l })
      expectObservable(source.pipe(frequencyPenalty({ penalty: 0.5 }))).toBe('-r--|', { r })
      expectSubscriptions(source.subscriptions).toBe('^---!')
    }),
  )

  it.each([Number.NaN, Number.POSITIVE_INFINITY, '2'])('refuses penalty = %s', (penalty) => {
    expect(() => frequencyPenalty({ penalty: penalty as number })).toThrow(OptionError)
  })
  it('has a registry entry', () =>
    expect(frequencyPenalty({ penalty: 0.5 }).entry).toEqual({
      name: 'frequencyPenalty',
      options: { penalty: 0.5 },
      need: 'all',
    }))
})
