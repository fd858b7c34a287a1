/** So many values of [from, to). */
export type Bin = Readonly<{ from: number; to: number; count: number }>

/** Counts of values as they come by. */
export type Histogram = Readonly<{
  /** What is not finite is left out. */
  add: (value: number) => void
  figures: () => Readonly<{ count: number; low: number; high: number; width: number }>
  /** Bins of a width, a power of two times the histogram's own, that have values; in their order. */
  bins: (width: number) => Bin[]
}>

/** Bins that are kept at most: memory does not grow with the values. */
const MOST = 512
/** Bins of a picture at least and at most. */
const [FEWEST, PICTURED] = [6, 40]

/**
 * A histogram whose range need not be known before: its bins begin as narrow as `finest` and double when there are too many. Counts are
 * exact, whatever the order of the values.
 */
export function histogram(finest: number): Histogram {
  let width = finest
  let counts = new Map<number, number>()
  let [count, low, high] = [0, Infinity, -Infinity]
  const inWidth = (to: number): Map<number, number> => {
    const merged = new Map<number, number>()
    for (const [bin, many] of counts) {
      const at = Math.floor(bin / (to / width))
      merged.set(at, (merged.get(at) ?? 0) + many)
    }
    return merged
  }
  return {
    add(value) {
      if (!Number.isFinite(value)) return
      const bin = Math.floor(value / width)
      counts.set(bin, (counts.get(bin) ?? 0) + 1)
      count++
      low = Math.min(low, value)
      high = Math.max(high, value)
      while (counts.size > MOST) {
        counts = inWidth(2 * width)
        width *= 2
      }
    },
    figures: () => ({ count, low, high, width }),
    bins: (to) =>
      [...inWidth(to)]
        .map(([bin, many]) => ({ from: bin * to, to: (bin + 1) * to, count: many }))
        .sort((one, other) => one.from - other.from),
  }
}

/** Histograms of the same finest width in bins that can be compared: by Rice's rule, twice the cube root of the values over their range. */
export function sharedBins(histograms: readonly Histogram[]): Bin[][] {
  const figures = histograms.map((each) => each.figures()).filter(({ count }) => count > 0)
  if (figures.length === 0) return histograms.map(() => [])
  const most = Math.max(...figures.map(({ count }) => count))
  const wanted = Math.min(PICTURED, Math.max(FEWEST, Math.ceil(2 * Math.cbrt(most))))
  const [low, high] = [Math.min(...figures.map((each) => each.low)), Math.max(...figures.map((each) => each.high))]
  let width = Math.max(...figures.map((each) => each.width))
  // Values that are all the same have no range: a bin of their own, wide enough to be seen.
  const least = high > low ? (high - low) / wanted : Math.abs(high) / FEWEST
  while (width < least) width *= 2
  return histograms.map((each) => (each.figures().count === 0 ? [] : each.bins(width)))
}
