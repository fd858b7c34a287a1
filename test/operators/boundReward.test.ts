import { describe, expect, it } from 'vitest'
import { boundReward } from '../../operators/boundReward.js'
import { OptionError, ShapeError } from '../../src/core/errors.js'
import { candidates, marbles, relays, rewarded } from '../marbles.js'

const step = candidates([7, 8, 9], [3, 2, 1])
const l = rewarded(step, { safe: [-2, 0.5, 3], short: [-1, 2, 0] })
const r = rewarded(step, { safe: [0, 0.5, 1], short: [0, 1, 0] })

describe('boundReward', () => {
  it(
    'clamps rewards to [0, 1]',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-l--|', { l })
      expectObservable(source.pipe(boundReward())).toBe('-r--|', { r })
      expectSubscriptions(source.subscriptions).toBe('^---!')
    }),
  )

  it(
    'bounds only the named reward, also by the logistic function',
    marbles(({ cold, expectObservable }) => {
      const one = { ...l, rewards: { ...l.rewards, safe: r.rewards.safe! } }
      expectObservable(cold('l|', { l }).pipe(boundReward({ reward: 'safe' }))).toBe('o|', { o: one })
      const odds = rewarded(step, { safe: [0, Math.log(3), -Math.log(3)] })
      const shares = rewarded(step, { safe: [0.5, 0.75, 0.25] })
      expectObservable(cold('o|', { o: odds }).pipe(boundReward({ by: 'sigmoid' }))).toBe('s|', { s: shares })
    }),
  )

  it('passes on an empty source, a silent source and errors, and unsubscribes from the source', relays(boundReward(), l, r))

  it(
    'errors for an unknown reward',
    marbles(({ cold, expectObservable }) => {
      const error = new ShapeError('Expected rewards named `kind`, got safe, short')
      expectObservable(cold('l|', { l }).pipe(boundReward({ reward: 'kind' }))).toBe('#', {}, error)
    }),
  )

  it('refuses an unknown way', () => {
    expect(() => boundReward({ by: 'tanh' as never })).toThrow(
      new OptionError('Expected `by` to be one of clamp, sigmoid, got `tanh` (string)'),
    )
  })
  it('has a registry entry', () =>
    expect(boundReward({ by: 'sigmoid' }).entry).toEqual({ name: 'boundReward', options: { by: 'sigmoid' } }))
})
