/**
 * How replies give a figure of a run. `mean`: the mean of one number per reply. `perplexity`: exp of the mean over all tokens, where the number
 * of a reply is its mean negative log-likelihood.
 */
export type Metric = Readonly<{ name: string; kind: 'mean' | 'perplexity' }>

/** Measurements of one reply: one number per metric (NaN without one) and its number of tokens. */
export type Measured = Readonly<{ values: Float64Array; tokens: number }>

/** Weight of a reply in a metric. */
export const weightOf = ({ kind }: Metric, { tokens }: Measured): number => (kind === 'mean' ? 1 : tokens)

/** The figure from a weighted sum and its weight; NaN without weight. */
export const figureOf = ({ kind }: Metric, sum: number, weight: number): number =>
  kind === 'mean' ? sum / weight : Math.exp(sum / weight)

/** Computes the figures of a run in one pass. Memory does not grow with the replies. */
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
    /** One figure per metric, null if no reply has it, and how many replies have it. */
    figures: () =>
      metrics.map((metric, index) => ({
        name: metric.name,
        count: counts[index]!,
        value: counts[index] === 0 ? null : figureOf(metric, sums[index]!, weights[index]!),
      })),
  }
}
