import { describe, expect, it } from 'vitest'
import { typical } from '../../operators/typical.js'
import { OptionError } from '../../src/core/errors.js'
import { logitsStep, marbles } from '../marbles.js'

const banned = Number.NEGATIVE_INFINITY
/** The entropy of 0.4, 0.2, 0.2, 0.2 is 1.33; 0.2 has the information 1.61, 0.4 has 0.92. */
const l = logitsStep(Math.log(0.4), Math.log(0.2), Math.log(0.2), Math.log(0.2))
const r = logitsStep(banned, Math.log(0.2), Math.log(0.2), Math.log(0.2))

describe('typical', () => {
  it(
    'keeps the tokens whose information is nearest to the entropy',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-l--|', { l })
      expectObservable(source.pipe(typical({ p: 0.5 }))).toBe('-r--|', { r })
      expectSubscriptions(source.subscriptions).toBe('^---!')
    }),
  )

  it(
    'keeps all tokens at p = 1, and keeps bans',
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('l|', { l }).pipe(typical({ p: 1 }))).toBe('l|', { l })
      const some = logitsStep(banned, 0, 1)
      expectObservable(cold('s|', { s: some }).pipe(typical({ p: 1 }))).toBe('s|', { s: some })
    }),
  )

  it.each([0, 1.1, Number.NaN, '2'])('refuses p = %s', (p) => {
    expect(() => typical({ p: p as number })).toThrow(OptionError)
  })
  it('has a registry entry', () =>
    expect(typical({ p: 0.5 }).entry).toEqual({ name: 'typical', options: { p: 0.5 }, need: 'all' }))
})
