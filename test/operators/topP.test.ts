import fc from 'fast-check'
import { lastValueFrom, of } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { topP } from '../../operators/topP.js'
import { OptionError, ShapeError } from '../../src/core/errors.js'
import { softmax } from '../../src/core/math.js'
import { candidates, logitsStep, marbles, relays, sparseStep } from '../marbles.js'

/** Probabilities 0.1, 0.4, 0.1, 0.4. */
const logs = [0.1, 0.4, 0.1, 0.4].map(Math.log)
const l = logitsStep(...logs)
const kept = (...ids: number[]) =>
  candidates(
    ids,
    ids.map((id) => logs[id]!),
  )

describe('topP', () => {
  it(
    'keeps the fewest tokens whose mass reaches p, ties to the lower id',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-l--|', { l })
      expectObservable(source.pipe(topP({ p: 0.85 }))).toBe('-c--|', { c: kept(1, 3, 0) })
      expectSubscriptions(source.subscriptions).toBe('^---!')
    }),
  )

  it(
    'keeps at least one token, and all at p = 1',
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('l|', { l }).pipe(topP({ p: 0.01 }))).toBe('c|', { c: kept(1) })
      expectObservable(cold('l|', { l }).pipe(topP({ p: 0.799 }))).toBe('c|', { c: kept(1, 3) })
      expectObservable(cold('l|', { l }).pipe(topP({ p: 0.801 }))).toBe('c|', { c: kept(1, 3, 0) })
      expectObservable(cold('l|', { l }).pipe(topP({ p: 1 }))).toBe('c|', { c: kept(1, 3, 0, 2) })
      const steep = logitsStep(0, 50)
      expectObservable(cold('s|', { s: steep }).pipe(topP({ p: 1 }))).toBe('c|', { c: candidates([1, 0], [50, 0]) })
    }),
  )

  it('reaches p, and would not without its last token, at any size', async () => {
    const values = fc.array(fc.float({ min: -5, max: 5, noNaN: true }), { minLength: 1, maxLength: 700 })
    await fc.assert(
      fc.asyncProperty(values, fc.double({ min: 0.01, max: 0.999, noNaN: true }), async (list, p) => {
        const step = await lastValueFrom(of(logitsStep(...list)).pipe(topP({ p })))
        const shares = softmax(Float32Array.from(list))
        const masses = Array.from(step.tokenIds, (id) => shares[id]!)
        const mass = masses.reduce((sum, share) => sum + share, 0)
        expect(mass).toBeGreaterThanOrEqual(p - 1e-9)
        expect(mass - masses.at(-1)!).toBeLessThan(p + 1e-9)
        expect(masses).toEqual(masses.toSorted((a, b) => b - a))
      }),
    )
  })

  it(
    'passes on an empty source, a silent source and errors, and unsubscribes from the source',
    relays(topP({ p: 0.3 }), l, kept(1)),
  )

  it(
    'errors for part of the vocabulary, an empty one, and a logit that is not finite',
    marbles(({ cold, expectObservable }) => {
      const s = sparseStep({ tokenIds: Int32Array.of(1), values: Float32Array.of(1) })
      const part = new ShapeError('Expected the logits of the whole vocabulary, got the top 1')
      expectObservable(cold('s|', { s }).pipe(topP({ p: 0.5 }))).toBe('#', {}, part)
      const none = new ShapeError('Expected the logits of the whole vocabulary, got none')
      expectObservable(cold('s|', { s: logitsStep() }).pipe(topP({ p: 0.5 }))).toBe('#', {}, none)
      const nan = new ShapeError('Expected finite values, got NaN at index 2')
      expectObservable(cold('s|', { s: logitsStep(1, 2, Number.NaN) }).pipe(topP({ p: 0.5 }))).toBe('#', {}, nan)
    }),
  )

  it(
    'omits banned tokens',
    marbles(({ cold, expectObservable }) => {
      const banned = logitsStep(1, Number.NEGATIVE_INFINITY, 2, Number.NEGATIVE_INFINITY)
      expectObservable(cold('b|', { b: banned }).pipe(topP({ p: 1 }))).toBe('c|', { c: candidates([2, 0], [2, 1]) })
    }),
  )

  it.each([0, -0.5, 1.01, Number.NaN, '0.9'])('refuses p = %s', (p) => {
    expect(() => topP({ p: p as number })).toThrow(OptionError)
  })
  it('names the expected option in its error', () => {
    expect(() => topP({ p: 2 })).toThrow('Expected `p` to be a number above 0 and at most 1, got `2` (number)')
    expect(topP({ p: 0.9 }).entry).toEqual({ name: 'topP', options: { p: 0.9 }, need: 'all' })
  })
})
