import { type Markish, rect, rectY, ruleX, ruleY, text } from '@observablehq/plot'
import type { Bin } from '../../eval/histogram.js'
import { drawPlot, seriesColour, shortName } from '../print/drawPlot.js'

/** Distribution of a figure in a run. */
export type Distribution = Readonly<{
  name: string
  bins: readonly Bin[]
  /** Replies that were cut off at the token limit, stacked on the others. */
  cutBins: readonly Bin[]
  mean: number
  low: number
  high: number
  /** Lines below the name of the run: its mean, and the share of replies that were cut off. */
  notes: readonly string[]
}>

export type DistributionOptions = Readonly<{
  title: string
  subtitle: string
  label: string
  /** The value of all replies, if they all have the same one. */
  constant?: number
}>

const [WIDTH, BARS, LINE, LETTERS] = [400, 76, 16, 46]

const countOf = (bins: readonly Bin[]): number => bins.reduce((sum, { count }) => sum + count, 0)

/** Bars of one run in percent of its replies. Cut-off replies are stacked on those that stopped. */
function bars({ bins, cutBins }: Distribution, run: number) {
  const total = countOf(bins) + countOf(cutBins)
  const stopped = new Map(bins.map(({ from, count }) => [from, (100 * count) / total]))
  return {
    stopped: bins.map(({ from, to }) => ({ run, from, to, y1: 0, y2: stopped.get(from)! })),
    cut: cutBins.map(({ from, to, count }) => {
      const y1 = stopped.get(from) ?? 0
      return { run, from, to, y1, y2: y1 + (100 * count) / total }
    }),
  }
}

/** Scale for a single value: one bar in the middle of the axis, with one tick. */
function constantScale(value: number) {
  const reach = Math.max(1, Math.abs(value))
  return { domain: [value - reach, value + reach], ticks: [value], half: reach / 16 }
}

/** Plots the distribution of a figure in each run, one below the other, as shares of replies. Undefined if no run has the figure. */
export function distributionPlot(
  runs: readonly Distribution[],
  { title, subtitle, label, constant }: DistributionOptions,
): string | undefined {
  const having = runs.filter(({ bins, cutBins }) => bins.length + cutBins.length > 0)
  if (having.length === 0) return undefined
  const fixed = constant === undefined ? undefined : constantScale(constant)
  const facets = having.map((each, run) => ({ ...each, run, name: shortName(each.name, LETTERS) }))
  const drawn = having.map(bars)
  const lines = Math.max(...having.map(({ notes }) => notes.length))
  const highest = Math.max(...drawn.flatMap(({ stopped, cut }) => [...stopped, ...cut].map(({ y2 }) => y2)))
  const bar = (all: (typeof drawn)[number]['cut'], series: number): Markish =>
    rectY(fixed ? all.map((one) => ({ ...one, from: constant! - fixed.half, to: constant! + fixed.half })) : all, {
      x1: 'from',
      x2: 'to',
      y1: 'y1',
      y2: 'y2',
      fy: 'run',
      fill: seriesColour(series),
      insetLeft: 0.5,
      insetRight: 0.5,
    })
  const spread: Markish[] = fixed
    ? []
    : [
        rect(facets, { fy: 'run', x1: 'low', x2: 'high', y1: 0, y2: highest, fill: 'currentColor', fillOpacity: 0.16 }),
        ruleX(facets, { fy: 'run', x: 'mean', y1: 0, y2: highest, stroke: 'currentColor', strokeWidth: 1.5 }),
      ]
  return drawPlot({
    title,
    subtitle,
    width: WIDTH,
    height: 50 + (BARS + LINE * (lines + 1)) * facets.length,
    marginBottom: 44,
    marginLeft: 44,
    marginRight: 12,
    x: {
      ...{ label, labelAnchor: 'center', labelArrow: 'none', labelOffset: 38 },
      ...(fixed
        ? { domain: fixed.domain, ticks: fixed.ticks, tickFormat: (value: number) => String(Number(value.toFixed(6))) }
        : { ticks: 6 }),
    },
    y: {
      label: null,
      tickFormat: (share: number) => `${share}%`,
      tickSize: 0,
      grid: true,
      ticks: 3,
      insetTop: LINE * (lines + 1) + 6,
    },
    fy: { axis: null, domain: facets.map(({ run }) => run), padding: 0.14 },
    marks: [
      bar(
        drawn.flatMap(({ stopped }) => stopped),
        0,
      ),
      bar(
        drawn.flatMap(({ cut }) => cut),
        1,
      ),
      ruleY([0]),
      ...spread,
      text(facets, { fy: 'run', text: 'name', frameAnchor: 'top-left', dx: 4, dy: 2, fontWeight: 600 }),
      ...Array.from({ length: lines }, (_, line) =>
        text(facets, {
          ...{ fy: 'run', text: ({ notes }: Distribution) => notes[line] ?? '', frameAnchor: 'top-left' },
          ...{ dx: 4, dy: 2 + LINE * (line + 1), fill: line === 0 ? 'currentColor' : seriesColour(1) },
        }),
      ),
    ],
  })
}
