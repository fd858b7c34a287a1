/**
 * A figure of a run. `mean`: the mean of one number a reply; `perplexity`: exp of the mean over all tokens, the number of a reply
 * being its mean negative log-likelihood.
 */
export type Metric = Readonly<{ name: string; kind: 'mean' | 'perplexity' }>

/** What was measured of one reply: a number a metric, NaN where there is none, and its tokens. */
export type Measured = Readonly<{ values: Float64Array; tokens: number }>

/** How much a reply counts in a metric. */
export const weightOf = ({ kind }: Metric, { tokens }: Measured): number => (kind === 'mean' ? 1 : tokens)

/** The figure of a weighted sum and the sum of its weights; NaN of nothing. */
export const figureOf = ({ kind }: Metric, sum: number, weight: number): number =>
  kind === 'mean' ? sum / weight : Math.exp(sum / weight)

/** The figures of a run as its replies come by; memory does not grow with them. */
export function totals(metrics: readonly Metric[]) {
  const sums = new Float64Array(metrics.length)
  const weights = new Float64Array(metrics.length)
  const counts = new Uint32Array(metrics.length)
  return {
    add(reply: Measured): void {
      metrics.forEach((metric, index) => {
        const value = reply.values[index]!
        const weight = weightOf(metric, reply)
        if (Number.isNaN(value) || weight === 0) return
        sums[index]! += value * weight
        weights[index]! += weight
        counts[index]!++
      })
    },
    /** A figure a metric, null without replies that have it, and how many have it. */
    figures: () =>
      metrics.map((metric, index) => ({
        name: metric.name,
        count: counts[index]!,
        value: counts[index] === 0 ? null : figureOf(metric, sums[index]!, weights[index]!),
      })),
  }
}
