import { dot, lineY, ruleX, ruleY, text } from '@observablehq/plot'
import type { SweepRow } from '../../../pipelines/evaluation/sweep.js'
import { drawPlot, seriesColour } from './drawPlot.js'

type Mark = Readonly<{ k: number; weight: number; value: number }>

/** Minimum distance between two labels, as a share of the height. */
const APART = 0.07
const [WIDTH, HEIGHT] = [400, 280]

/** Places labels at the ends of their lines, and moves them apart if they would overlap. */
function labels(ends: readonly Mark[], low: number, high: number): Mark[] {
  const apart = APART * (high - low)
  const sorted = [...ends].sort((a, b) => a.value - b.value)
  const placed: Mark[] = []
  for (const end of sorted) placed.push({ ...end, value: Math.max(end.value, (placed.at(-1)?.value ?? -Infinity) + apart) })
  return placed
}

/** Plots a metric against the weight, one line per k, as in the paper's Figure 2, with 95% intervals if the rows have them. Undefined if no row has the metric. */
export function sweepPlot(rows: readonly SweepRow[], metric: string): string | undefined {
  const marks = rows.flatMap(({ k, weight, figures, intervals }) => {
    const value = figures[metric]
    return value === null || value === undefined ? [] : [{ k, weight, value, ...intervals?.[metric] }]
  })
  if (marks.length === 0) return undefined
  const ks = [...new Set(marks.map(({ k }) => k))].sort((a, b) => a - b)
  const colour = ({ k }: Mark): string => seriesColour(ks.indexOf(k))
  const inOrder = [...marks].sort((a, b) => a.weight - b.weight)
  const spread = inOrder.filter(({ low, high }) => low !== undefined && high !== undefined)
  const ends = ks.map((k) => inOrder.findLast((mark) => mark.k === k)!)
  const values = marks.flatMap(({ value, low = value, high = value }) => [value, low, high])
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const room = most > least ? 0.05 * (most - least) : Math.max(0.5, Math.abs(most) * 0.1)
  const placed = labels(ends, least - room, most + room)
  const high = Math.max(most + room, ...placed.map(({ value }) => value))
  const prompts = [...new Set(rows.map(({ rows: count }) => count))]
  // Without this shift, intervals at the same weight would hide each other.
  const aside = ({ k }: Mark): number => (ks.indexOf(k) - (ks.length - 1) / 2) * 3
  return drawPlot({
    title: `Mean ${metric} by weight`,
    subtitle: [
      `${prompts.length === 1 ? prompts[0] : `${Math.min(...prompts)} to ${Math.max(...prompts)}`} replies per point, one line per k`,
      ...(spread.length > 0 ? ['95% bootstrap interval'] : []),
    ].join(', '),
    width: WIDTH,
    height: HEIGHT,
    marginLeft: 64,
    marginRight: 56,
    marginBottom: 44,
    x: {
      label: 'weight',
      labelAnchor: 'center',
      labelArrow: 'none',
      labelOffset: 38,
      insetLeft: 8,
      tickFormat: String,
      ticks: [...new Set(inOrder.map(({ weight }) => weight))],
    },
    y: {
      ...{ label: metric, labelAnchor: 'center', labelArrow: 'none', labelOffset: 56 },
      grid: true,
      tickSize: 0,
      domain: [least - room, high],
    },
    marks: [
      ...(least - room < 0 && high > 0 ? [ruleY([0], { stroke: 'currentColor', strokeOpacity: 0.6 })] : []),
      ...ks.flatMap((k) => {
        const own = <T extends Mark>(all: readonly T[]): T[] => all.filter((mark) => mark.k === k)
        const line = { stroke: seriesColour(ks.indexOf(k)), dx: aside(own(inOrder)[0]!) }
        return [
          ruleX(own(spread), { x: 'weight', y1: 'low', y2: 'high', ...line, strokeWidth: 1.5, strokeOpacity: 0.6 }),
          lineY(own(inOrder), { x: 'weight', y: 'value', ...line, strokeWidth: 2 }),
          dot(own(inOrder), { x: 'weight', y: 'value', fill: line.stroke, dx: line.dx, r: 3.5 }),
        ]
      }),
      text(placed, {
        ...{ x: 'weight', y: 'value', text: ({ k }: Mark) => `k = ${k}`, dx: 12, textAnchor: 'start' },
        ...{ fill: colour, fontWeight: 600 },
      }),
    ],
  })
}
