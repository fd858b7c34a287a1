/** How many values lie in [from, to). */
export type Bin = Readonly<{ from: number; to: number; count: number }>

/** Counts values in one pass. */
export type Histogram = Readonly<{
  /** Ignores values that are not finite. */
  add: (value: number) => void
  figures: () => Readonly<{ count: number; low: number; high: number; width: number }>
  /** The bins that hold values, in order. `width` is the histogram's own times a power of two. */
  bins: (width: number) => Bin[]
}>

/** The most bins that are kept, so that memory does not grow with the values. */
const MOST = 512
/** The fewest and the most bins of a picture. */
const [FEWEST, PICTURED] = [6, 40]

/**
 * A histogram that needs no range in advance: its bins begin with the width `finest` and double when there are too many. Counts are exact,
 * whatever the order of the values.
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

/** Puts histograms of the same finest width into equal bins. Rice's rule gives their number: twice the cube root of the number of values. */
export function sharedBins(histograms: readonly Histogram[]): Bin[][] {
  const figures = histograms.map((each) => each.figures()).filter(({ count }) => count > 0)
  if (figures.length === 0) return histograms.map(() => [])
  const most = Math.max(...figures.map(({ count }) => count))
  const binCount = Math.min(PICTURED, Math.max(FEWEST, Math.ceil(2 * Math.cbrt(most))))
  const [low, high] = [Math.min(...figures.map((each) => each.low)), Math.max(...figures.map((each) => each.high))]
  let width = Math.max(...figures.map((each) => each.width))
  // Equal values have no range. They get a bin that is wide enough to be seen.
  const least = high > low ? (high - low) / binCount : Math.abs(high) / FEWEST
  while (width < least) width *= 2
  return histograms.map((each) => (each.figures().count === 0 ? [] : each.bins(width)))
}
