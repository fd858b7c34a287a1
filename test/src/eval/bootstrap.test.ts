import { describe, expect, it } from 'vitest'
import { bootstrap } from '../../../src/eval/bootstrap.js'
import type { Measured, Metric } from '../../../src/eval/metrics.js'
import { pairedBootstrap } from '../../../src/eval/pairedBootstrap.js'
import { evalGolden, seeded } from './eval.js'

const mean: Metric = { name: 'reward', kind: 'mean' }
const perplexity: Metric = { name: 'perplexity', kind: 'perplexity' }
const of = (values: readonly number[], tokens = 1): Measured => ({ values: Float64Array.from(values), tokens })
const intervalsOf = (metrics: readonly Metric[], replies: readonly (readonly [string, Measured])[], seed = 0) => {
  const { add, intervals } = bootstrap(metrics, { seed })
  for (const [id, reply] of replies) add(id, reply)
  return intervals()
}

describe('bootstrap', () => {
  it('equals the paired bootstrap of a difference from 0', () => {
    const { a } = evalGolden.bootstrap
    const paired = pairedBootstrap([mean], { seed: 3 })
    a.forEach((value, index) => {
      paired.add(`p${index}`, of([value]), of([0]))
    })
    const { low, high } = paired.differences()[0]!
    const [interval] = intervalsOf(
      [mean],
      a.map((value, index) => [`p${index}`, of([value])] as const),
      3,
    )
    expect(interval!.low).toBeCloseTo(low, 12)
    expect(interval!.high).toBeCloseTo(high, 12)
  })

  it('has the true mean in about 95 of 100 intervals', () => {
    const { uniform } = seeded(1)
    let hits = 0
    for (let trial = 0; trial < 100; trial++) {
      const replies = Array.from({ length: 100 }, (_, index) => [`${trial} ${index}`, of([uniform()])] as const)
      const { low, high } = intervalsOf([mean], replies, trial)[0]!
      if (low <= 0.5 && 0.5 <= high) hits++
    }
    expect(hits).toBeGreaterThan(87)
  })

  it("resamples a prompt's samples together, so repeated replies add nothing", () => {
    const once = Array.from({ length: 20 }, (_, index) => [`p${index}`, of([index])] as const)
    const tenTimes = once.flatMap((reply) => Array.from({ length: 10 }, () => reply))
    const [narrow, wide] = [intervalsOf([mean], tenTimes)[0]!, intervalsOf([mean], once)[0]!]
    expect(narrow.low).toBeCloseTo(wide.low, 9)
    expect(narrow.high).toBeCloseTo(wide.high, 9)
  })

  it('weights perplexity by tokens, and is null for a metric that no reply has', () => {
    const replies = [['a', of([Number.NaN, Math.log(2)], 5)] as const, ['b', of([Number.NaN, Math.log(2)], 7)] as const]
    const [none, same] = intervalsOf([mean, perplexity], replies)
    expect(none).toBeNull()
    expect([same!.low, same!.high]).toEqual([expect.closeTo(2, 9), expect.closeTo(2, 9)])
  })
})
