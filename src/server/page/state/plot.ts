/** The plot of rewards along replies: numbers in, positions out. */

export type Extent = Readonly<{ low: number; high: number }>

export function extentOf(values: readonly number[]): Extent {
  if (values.length === 0) return { low: 0, high: 1 }
  const [low, high] = values.reduce(
    ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  )
  return low === high ? { low: low - 1, high: high + 1 } : { low, high }
}

/** Round numbers within an extent: at most about `count`, in steps of 1, 2 or 5 times a power of ten. */
export function ticksOf({ low, high }: Extent, count: number): readonly number[] {
  const rough = (high - low) / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10)
  const first = Math.ceil(low / step)
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(12)),
  )
}

/** An SVG path through values; a missing one leaves a gap. */
export function linePath(
  values: readonly (number | undefined)[],
  x: (index: number) => number,
  y: (value: number) => number,
): string {
  return values
    .flatMap((value, index) => {
      if (value === undefined) return []
      const start = index === 0 || values[index - 1] === undefined
      return [`${start ? 'M' : 'L'}${x(index).toFixed(1)} ${y(value).toFixed(1)}`]
    })
    .join('')
}
