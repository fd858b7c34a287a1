import { describe, expect, it } from 'vitest'
import type { Measured, Metric } from '../../../src/eval/metrics.js'
import { pairedBootstrap, quantile } from '../../../src/eval/pairedBootstrap.js'
import { poissonWeights } from '../../../src/eval/poissonWeights.js'
import { evalGolden, seeded } from './eval.js'

const mean: Metric = { name: 'reward', kind: 'mean' }
const one = (value: number, tokens = 1): Measured => ({ values: Float64Array.of(value), tokens })

const estimateOf = (pairs: readonly (readonly [string, number, number])[], seed = 0) => {
  const bootstrap = pairedBootstrap([mean], { seed })
  for (const [id, a, b] of pairs) bootstrap.add(id, one(a), one(b))
  return bootstrap.differences()[0]!
}

describe('poissonWeights', () => {
  it('are Poisson(1): the mean, the variance and the share of zeros', () => {
    const weights = new Uint8Array(1000)
    let [sum, squares, zeros, count] = [0, 0, 0, 0]
    for (let row = 0; row < 300; row++) {
      poissonWeights(1, `row ${row}`, weights)
      for (const weight of weights) {
        sum += weight
        squares += weight * weight
        if (weight === 0) zeros++
        count++
      }
    }
    expect(sum / count).toBeCloseTo(1, 2)
    expect(squares / count - (sum / count) ** 2).toBeCloseTo(1, 1)
    expect(zeros / count).toBeCloseTo(Math.exp(-1), 2)
  })

  it('depend on seed and id alone', () => {
    const of = (seed: number, id: string, draws = 11): Uint8Array => {
      const weights = new Uint8Array(draws).fill(99)
      poissonWeights(seed, id, weights)
      return weights
    }
    expect(of(1, 'a')).toEqual(of(1, 'a'))
    expect(of(1, 'a', 5)).toEqual(of(1, 'a').slice(0, 5))
    expect(of(1, 'a', 99)).not.toEqual(of(1, 'b', 99))
    expect(of(1, 'a', 99)).not.toEqual(of(2, 'a', 99))
  })
})

describe('pairedBootstrap', () => {
  it('gives the mean difference of numpy, and nearly the interval of its ordinary bootstrap', () => {
    const { a, b, value, low, high } = evalGolden.bootstrap
    const estimate = estimateOf(a.map((each, index) => [`p${index}`, each, b[index]!]))
    const width = high - low
    expect(estimate.value).toBeCloseTo(value, 12)
    // A thousand draws place a quantile within some hundredths of the width.
    expect(Math.abs(estimate.low - low)).toBeLessThan(0.08 * width)
    expect(Math.abs(estimate.high - high)).toBeLessThan(0.08 * width)
  })

  it('gives the same interval in any order, and another one by another seed', () => {
    const pairs = Array.from({ length: 30 }, (_, index) => [`p${index}`, (index * 7) % 11, (index * 5) % 13] as const)
    const [forward, backward] = [estimateOf(pairs), estimateOf([...pairs].reverse())]
    expect(backward.low).toBeCloseTo(forward.low, 9)
    expect(backward.high).toBeCloseTo(forward.high, 9)
    expect(estimateOf(pairs)).toEqual(forward)
    expect(estimateOf(pairs, 1).low).not.toBe(forward.low)
  })

  it('holds the true difference in about 95% of samples', () => {
    const { normal } = seeded(11)
    let covered = 0
    const samples = 400
    for (let sample = 0; sample < samples; sample++) {
      const pairs = Array.from({ length: 80 }, (_, index) => {
        const shared = normal()
        return [`${sample}/${index}`, shared + 0.3 + normal(), shared + normal()] as const
      })
      const { low, high } = estimateOf(pairs)
      if (low <= 0.3 && 0.3 <= high) covered++
    }
    expect(covered / samples).toBeGreaterThan(0.91)
    expect(covered / samples).toBeLessThan(0.98)
  })

  it("resamples a prompt's samples together, so repeating them narrows nothing", () => {
    const { normal } = seeded(5)
    const prompts = Array.from({ length: 100 }, (_, index) => [`p${index}`, normal(), 0] as const)
    const [once, fourTimes] = [estimateOf(prompts), estimateOf(prompts.flatMap((pair) => [pair, pair, pair, pair]))]
    expect(fourTimes.high - fourTimes.low).toBeCloseTo(once.high - once.low, 9)
  })

  it('weights perplexity by tokens, and omits pairs without both numbers', () => {
    const bootstrap = pairedBootstrap([{ name: 'perplexity', kind: 'perplexity' }, mean], { seed: 0 })
    const two = (loss: number, reward: number, tokens: number): Measured => ({ values: Float64Array.of(loss, reward), tokens })
    bootstrap.add('a', two(1, Number.NaN, 10), two(2, 1, 5))
    bootstrap.add('b', two(3, Number.NaN, 30), two(4, 1, 15))
    const [perplexity, reward] = bootstrap.differences()
    expect(perplexity!.value).toBeCloseTo(Math.exp(2.5) - Math.exp(3.5), 12)
    expect(reward).toBeNull()
  })

  it('is null without values', () => expect(pairedBootstrap([mean], { seed: 0 }).differences()).toEqual([null]))
})

describe('quantile', () => {
  it('lies between its neighbours', () =>
    expect([0, 0.25, 0.5, 1].map((share) => quantile([1, 2, 4], share))).toEqual([1, 1.5, 2, 4]))
})
