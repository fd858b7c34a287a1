import { figureOf, type Measured, type Metric, weightOf } from './metrics.js'
import { poissonWeights } from './poissonWeights.js'
import type { Estimate } from './wilson.js'

export type BootstrapOptions = Readonly<{ seed: number; draws?: number }>

/** Weighted sum and weight of both runs, per draw and metric. */
const FIELDS = 4

/**
 * Computes the differences between two runs over the replies that both have, in one pass, with 95% intervals (the 2.5% and 97.5% quantiles of
 * the draws).
 *
 * This is a Poisson bootstrap: instead of picking n of n prompts, each draw takes a prompt Poisson(1) times. For many prompts that is the same,
 * and it needs no list of them. All samples of a prompt go together, because they are not independent. Memory: 32 bytes per draw and metric.
 */
export function pairedBootstrap(metrics: readonly Metric[], { seed, draws = 1000 }: BootstrapOptions) {
  const width = FIELDS * metrics.length
  const weights = new Uint8Array(draws)
  // The last place is the sample itself, with every reply once.
  const sums = new Float64Array((draws + 1) * width)
  const pair = new Float64Array(width)

  const addTo = (place: number, times: number): void => {
    for (let field = 0, at = place * width; field < width; field++, at++) sums[at]! += times * pair[field]!
  }
  const difference = (metric: number, place: number): number => {
    const [a, ofA, b, ofB] = sums.subarray(place * width + FIELDS * metric)
    return figureOf(metrics[metric]!, a!, ofA!) - figureOf(metrics[metric]!, b!, ofB!)
  }
  return {
    /** Adds a reply to prompt `id` and the reply of the other run. */
    add(id: string, here: Measured, there: Measured): void {
      metrics.forEach((metric, index) => {
        const [a, b] = [here.values[index]!, there.values[index]!]
        const [ofA, ofB] = [weightOf(metric, here), weightOf(metric, there)]
        const both = !Number.isNaN(a) && !Number.isNaN(b) && ofA !== 0 && ofB !== 0
        pair.set(both ? [a * ofA, ofA, b * ofB, ofB] : [0, 0, 0, 0], FIELDS * index)
      })
      poissonWeights(seed, id, weights)
      for (let draw = 0; draw < draws; draw++) if (weights[draw] !== 0) addTo(draw, weights[draw]!)
      addTo(draws, 1)
    },
    /** The run's figure minus the other's, per metric; null if no pair has both. */
    differences: (): (Estimate | null)[] =>
      metrics.map((_, metric) => {
        const value = difference(metric, draws)
        if (Number.isNaN(value)) return null
        const all = Float64Array.from({ length: draws }, (_, draw) => difference(metric, draw))
        // A draw without any prompt says nothing.
        const drawn = all.filter((one) => !Number.isNaN(one)).sort()
        return { value, low: quantile(drawn, 0.025), high: quantile(drawn, 0.975) }
      }),
  }
}

/** Quantile of sorted numbers, linear between the two nearest, like numpy's default. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1)
  const [below, above] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!]
  return below + (at - Math.floor(at)) * (above - below)
}
