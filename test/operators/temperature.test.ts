import { describe, expect, it } from 'vitest'
import { temperature } from '../../operators/temperature.js'
import { OptionError } from '../../src/core/errors.js'
import { candidates, logitsStep, marbles, relays, sparseStep } from '../marbles.js'

const l = logitsStep(1, -4)
const half = logitsStep(2, -8)

describe('temperature', () => {
  it(
    'divides the logits before topK',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-l--|', { l })
      expectObservable(source.pipe(temperature({ temperature: 0.5 }))).toBe('-h--|', { h: half })
      expectSubscriptions(source.subscriptions).toBe('^---!')
    }),
  )
  it(
    "divides the scores after topK and keeps the tokens' logits",
    marbles(({ cold, expectObservable }) => {
      const c = candidates([5, 6], [3, 2], [1, 8])
      expectObservable(cold('c|', { c }).pipe(temperature({ temperature: 2 }))).toBe('d|', {
        d: candidates([5, 6], [3, 2], [0.5, 4]),
      })
    }),
  )
  it(
    'keeps the ids of a sorted list and drops its log-sum-exp',
    marbles(({ cold, expectObservable }) => {
      const s = sparseStep({ tokenIds: Int32Array.of(9, 4), values: Float32Array.of(4, 2), logSumExp: 5 })
      const d = sparseStep({ tokenIds: Int32Array.of(9, 4), values: Float32Array.of(2, 1) })
      expectObservable(cold('s|', { s }).pipe(temperature({ temperature: 2 }))).toBe('d|', { d })
    }),
  )
  it(
    'passes on an empty source, a silent source and errors, and unsubscribes from the source',
    relays(temperature({ temperature: 0.5 }), l, half),
  )
  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '1'])('refuses %s', (value) => {
    expect(() => temperature({ temperature: value as number })).toThrow(OptionError)
  })
  it('names the expected option, and has no need of its own', () => {
    expect(() => temperature({ temperature: 0 })).toThrow('Expected `temperature` to be a finite number > 0, got `0` (number)')
    expect(temperature({ temperature: 2 }).entry).toEqual({ name: 'temperature', options: { temperature: 2 } })
  })
})
