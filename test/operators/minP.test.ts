import { describe, expect, it } from 'vitest'
import { minP } from '../../operators/minP.js'
import { OptionError } from '../../src/core/errors.js'
import { logitsStep, marbles, sparseStep } from '../marbles.js'

const banned = Number.NEGATIVE_INFINITY
const l = logitsStep(0, 2, 1.4, 1.2)
const r = logitsStep(banned, 2, 1.4, banned)

describe('minP', () => {
  it(
    'bans tokens less likely than p times the likeliest',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-l--|', { l })
      expectObservable(source.pipe(minP({ p: 0.5 }))).toBe('-r--|', { r })
      expectSubscriptions(source.subscriptions).toBe('^---!')
    }),
  )

  it(
    'reads sorted top-n logits, and keeps the likeliest alone at p = 1',
    marbles(({ cold, expectObservable }) => {
      const s = sparseStep({ tokenIds: Int32Array.of(7, 3), values: Float32Array.of(2, 1) })
      const one = sparseStep({ tokenIds: Int32Array.of(7, 3), values: Float32Array.of(2, banned) })
      expectObservable(cold('s|', { s }).pipe(minP({ p: 1 }))).toBe('r|', { r: one })
      expectObservable(cold('s|', { s }).pipe(minP({ p: 0.1 }))).toBe('s|', { s })
    }),
  )

  it.each([0, 1.1, Number.NaN, '2'])('refuses p = %s', (p) => {
    expect(() => minP({ p: p as number })).toThrow(OptionError)
  })
  it('has a registry entry', () => expect(minP({ p: 0.5 }).entry).toEqual({ name: 'minP', options: { p: 0.5 } }))
})
