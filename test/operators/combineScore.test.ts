import { describe, expect, it } from 'vitest'
import { combineScore } from '../../operators/combineScore.js'
import { OptionError, ShapeError } from '../../src/core/errors.js'
import { candidates, marbles, relays, rewarded } from '../marbles.js'

const base = candidates([7, 8], [2, 1])
const s = rewarded(base, { safety: [0.5, -1] })
const done = rewarded(candidates([7, 8], [2, 1], [3, -1]), { safety: [0.5, -1] })

describe('combineScore', () => {
  it(
    'adds the weighted reward to the scores',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-s--|', { s })
      expectObservable(source.pipe(combineScore({ weight: 2 }))).toBe('-d--|', { d: done })
      expectSubscriptions(source.subscriptions).toBe('^---!')
    }),
  )
  it(
    'keeps the scores at weight 0 and does not mutate its input',
    marbles(({ cold, expectObservable, flush }) => {
      expectObservable(cold('s|', { s }).pipe(combineScore({ weight: 0 }))).toBe('s|', { s })
      expectObservable(cold('s|', { s }).pipe(combineScore({ weight: 2 }))).toBe('d|', { d: done })
      flush()
      expect([...s.scores]).toEqual([2, 1])
    }),
  )
  it(
    'sums several rewards',
    marbles(({ cold, expectObservable }) => {
      const rewards = { safety: [0.5, -1], helpful: [1, 10] }
      const two = rewarded(base, rewards)
      const added = rewarded(candidates([7, 8], [2, 1], [4, 9]), rewards)
      const operator = cold('s|', { s: two }).pipe(
        combineScore({ weight: 2, reward: 'safety' }),
        combineScore({ weight: 1, reward: 'helpful' }),
      )
      expectObservable(operator).toBe('d|', { d: added })
    }),
  )
  it(
    'errors for several rewards without a name, an unknown name, and a wrong number of rewards',
    marbles(({ cold, expectObservable }) => {
      const two = rewarded(base, { safety: [1, 1], helpful: [1, 1] })
      const unnamed = new ShapeError('Expected one reward to combine or `reward` to name one, got safety, helpful')
      expectObservable(cold('s|', { s: two }).pipe(combineScore({ weight: 1 }))).toBe('#', {}, unnamed)
      const unknown = new ShapeError('Expected rewards named `kind`, got safety')
      expectObservable(cold('s|', { s }).pipe(combineScore({ weight: 1, reward: 'kind' }))).toBe('#', {}, unknown)
      const none = new ShapeError('Expected one reward to combine or `reward` to name one, got none')
      expectObservable(cold('s|', { s: rewarded(base, {}) }).pipe(combineScore({ weight: 1 }))).toBe('#', {}, none)
      const short = new ShapeError('Expected 2 rewards, one per candidate, got 1')
      expectObservable(cold('s|', { s: rewarded(base, { safety: [1] }) }).pipe(combineScore({ weight: 1 }))).toBe('#', {}, short)
    }),
  )
  it(
    'passes on an empty source, a silent source and errors, and unsubscribes from the source',
    relays(combineScore({ weight: 2 }), s, done),
  )
  it(
    'errors for a score too large for fp32 and names its parts',
    marbles(({ cold, expectObservable }) => {
      const over = new ShapeError(
        'Expected scores that fp32 can hold, got -Infinity from 1 + weight 3e+38 · reward -2: use a smaller weight',
      )
      const large = rewarded(base, { safety: [0.5, -2] })
      expectObservable(cold('s|', { s: large }).pipe(combineScore({ weight: 3e38 }))).toBe('#', {}, over)
    }),
  )
  it(
    'keeps banned candidates as they are',
    marbles(({ cold, expectObservable }) => {
      const banned = rewarded(candidates([7, 8], [2, 1], [2, Number.NEGATIVE_INFINITY]), { safety: [0.5, -1] })
      const scored = rewarded(candidates([7, 8], [2, 1], [3, Number.NEGATIVE_INFINITY]), { safety: [0.5, -1] })
      expectObservable(cold('s|', { s: banned }).pipe(combineScore({ weight: 2 }))).toBe('d|', { d: scored })
    }),
  )
  it.each([1e308, -1e308, 3.5e38])('refuses weight = %s, which fp32 cannot hold', (weight) => {
    expect(() => combineScore({ weight })).toThrow(
      `Expected \`weight\` to be a number that fp32 can hold (at most 3.4e38), got \`${weight}\``,
    )
  })
  it.each([Number.NaN, Number.POSITIVE_INFINITY, '1', undefined])('refuses weight = %s', (weight) => {
    expect(() => combineScore({ weight: weight as number })).toThrow(OptionError)
  })
  it('names the expected option in its error', () => {
    expect(() => combineScore({ weight: 'much' as never })).toThrow(
      'Expected `weight` to be a finite number, got `much` (string)',
    )
    expect(combineScore({ weight: -1 }).entry).toEqual({ name: 'combineScore', options: { weight: -1 } })
  })
})
