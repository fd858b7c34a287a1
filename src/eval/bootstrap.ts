import { figureOf, type Measured, type Metric, weightOf } from './metrics.js'
import { type BootstrapOptions, quantile } from './pairedBootstrap.js'
import { poissonWeights } from './poissonWeights.js'

/** The 2.5% and the 97.5% quantile of the draws. */
export type Interval = Readonly<{ low: number; high: number }>

/** Of a draw and metric: weighted sum and weight. */
const FIELDS = 2

/**
 * Computes 95% intervals of a run's figures as its replies come by: the Poisson bootstrap of `pairedBootstrap`, for one run. All samples
 * of a prompt are drawn together. Memory: 16 bytes a draw and metric.
 */
export function bootstrap(metrics: readonly Metric[], { seed, draws = 1000 }: BootstrapOptions) {
  const width = FIELDS * metrics.length
  const times = new Uint8Array(draws)
  const sums = new Float64Array(draws * width)
  const counts = new Uint32Array(metrics.length)
  const row = new Float64Array(width)
  return {
    add(id: string, reply: Measured): void {
      metrics.forEach((metric, index) => {
        const [value, weight] = [reply.values[index]!, weightOf(metric, reply)]
        const isThere = !Number.isNaN(value) && weight !== 0
        if (isThere) counts[index]!++
        row.set(isThere ? [value * weight, weight] : [0, 0], FIELDS * index)
      })
      poissonWeights(seed, id, times)
      for (let draw = 0; draw < draws; draw++)
        if (times[draw] !== 0)
          for (let field = 0; field < width; field++) sums[draw * width + field]! += times[draw]! * row[field]!
    },
    /** An interval a metric; null where no reply has the metric. */
    intervals: (): (Interval | null)[] =>
      metrics.map((metric, index) => {
        if (counts[index] === 0) return null
        const all = Float64Array.from({ length: draws }, (_, draw) => {
          const at = draw * width + FIELDS * index
          return figureOf(metric, sums[at]!, sums[at + 1]!)
        })
        // A draw that took no prompt at all says nothing.
        const drawn = all.filter((one) => !Number.isNaN(one)).sort()
        return { low: quantile(drawn, 0.025), high: quantile(drawn, 0.975) }
      }),
  }
}
