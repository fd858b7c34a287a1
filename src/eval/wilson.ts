/** A share or a mean with its 95% interval. */
export type Estimate = Readonly<{ value: number; low: number; high: number }>

/** The 97.5% quantile of the normal distribution. */
const Z = 1.959963984540054

/**
 * A share of `n` with Wilson's 95% score interval; undefined for n = 0. The interval stays within 0 and 1 and keeps its coverage for small n
 * and for shares near 0 or 1.
 *
 * @see Probable inference, the law of succession, and statistical inference (Wilson, 1927)
 */
export function wilson(successes: number, n: number): Estimate | undefined {
  if (n === 0) return undefined
  const share = successes / n
  const middle = (share + (Z * Z) / (2 * n)) / (1 + (Z * Z) / n)
  const reach = (Z / (1 + (Z * Z) / n)) * Math.sqrt((share * (1 - share)) / n + (Z * Z) / (4 * n * n))
  return { value: share, low: Math.max(0, middle - reach), high: Math.min(1, middle + reach) }
}
