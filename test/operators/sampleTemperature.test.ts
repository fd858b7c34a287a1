import { concatMap, lastValueFrom, map, of, range, toArray } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { sampleTemperature } from '../../operators/sampleTemperature.js'
import { OptionError, ShapeError } from '../../src/core/errors.js'
import { softmax } from '../../src/core/math.js'
import { uniform } from '../../src/core/uniform.js'
import { candidates, marbles, relays, sequence } from '../marbles.js'

const c = candidates([7, 8, 9], [2, 1, 0], [0, 0, 0])
// The random number selects one of three equal shares.
const index = Math.floor(uniform(0, 'a', 0, 1) * 3)
const done = { ...c, index, tokenId: 7 + index }

describe('sampleTemperature', () => {
  it(
    "selects the candidate whose share contains the sequence's random number",
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-c--|', { c })
      expectObservable(source.pipe(sampleTemperature({ temperature: 1 }))).toBe('-d--|', { d: done })
      expectSubscriptions(source.subscriptions).toBe('^---!')
    }),
  )
  it('samples in proportion to exp(score / temperature)', async () => {
    const scores = [1, 0.5, -1]
    const drawn = await lastValueFrom(
      range(0, 6000).pipe(
        concatMap((seed) => of({ ...candidates([0, 1, 2], [0, 0, 0], scores), sequence: { ...sequence, seed } })),
        sampleTemperature({ temperature: 0.7 }),
        map((step) => step.index),
        toArray(),
      ),
    )
    const shares = softmax(scores, 0.7)
    // Four standard deviations of a share counted 6,000 times.
    for (const i of [0, 1, 2]) expect(Math.abs(drawn.filter((one) => one === i).length / 6000 - shares[i]!)).toBeLessThan(0.026)
  })
  it('samples from the fewest best candidates whose probabilities reach p, in proportion', async () => {
    // Probabilities 0.1, 0.4, 0.3, 0.2 at temperature 2. The nucleus of 0.6 has the second and the third.
    const scores = [0.1, 0.4, 0.3, 0.2].map((share) => 2 * Math.log(share))
    const drawn = await lastValueFrom(
      range(0, 6000).pipe(
        concatMap((seed) => of({ ...candidates([0, 1, 2, 3], [0, 0, 0, 0], scores), sequence: { ...sequence, seed } })),
        sampleTemperature({ temperature: 2, p: 0.6 }),
        map((step) => step.index),
        toArray(),
      ),
    )
    const share = (i: number) => drawn.filter((one) => one === i).length / 6000
    expect([share(0), share(3)]).toEqual([0, 0])
    expect(Math.abs(share(1) - 4 / 7)).toBeLessThan(0.026)
  })
  it('keeps all candidates in the step, and the best one in any nucleus; ties go to the first', async () => {
    const steps = range(0, 100).pipe(
      map((seed) => ({ ...candidates([5, 6, 7], [0, 0, 0], [0, 1, 1]), sequence: { ...sequence, seed } })),
      sampleTemperature({ p: 1e-9 }),
      map(({ index, tokenIds }) => [index, ...tokenIds].join()),
      toArray(),
    )
    expect(new Set(await lastValueFrom(steps))).toEqual(new Set(['1,5,6,7']))
  })
  it('has `p` in its entry only if it cuts', () => {
    expect(sampleTemperature({ temperature: 2, p: 1 }).entry!.options).toEqual({ temperature: 2 })
    expect(sampleTemperature({ p: 0.5 }).entry!.options).toEqual({ p: 0.5 })
  })
  it.each([0, -1, 1.1, Number.NaN])('refuses a mass of %s', (mass) => {
    expect(() => sampleTemperature({ p: mass })).toThrow(OptionError)
  })
  it('never selects a candidate of probability 0', async () => {
    const steps = range(0, 500).pipe(
      map((seed) => ({ ...candidates([0, 1], [0, 0], [0, -1e30]), sequence: { ...sequence, seed } })),
      sampleTemperature({ temperature: 0.01 }),
      map((step) => step.index),
      toArray(),
    )
    expect(new Set(await lastValueFrom(steps))).toEqual(new Set([0]))
  })
  it(
    'errors for no candidates and for a score that is not finite',
    marbles(({ cold, expectObservable }) => {
      const none = new ShapeError('Expected finite scores to sample from, got none')
      expectObservable(cold('c|', { c: candidates([], []) }).pipe(sampleTemperature({ temperature: 1 }))).toBe('#', {}, none)
      const bad = new ShapeError('Expected finite scores to sample from, got Infinity at index 1')
      const infinite = candidates([1, 2], [1, Number.POSITIVE_INFINITY])
      expectObservable(cold('c|', { c: infinite }).pipe(sampleTemperature({ temperature: 1 }))).toBe('#', {}, bad)
    }),
  )
  it(
    'passes on an empty source, a silent source and errors, and unsubscribes from the source',
    relays(sampleTemperature({ temperature: 1 }), c, done),
  )
  it.each([0, -1, Number.NaN, '1'])('refuses %s', (temperature) => {
    expect(() => sampleTemperature({ temperature: temperature as number })).toThrow(OptionError)
  })
})
