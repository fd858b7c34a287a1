import { dot, lineY, plot, ruleY, text } from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import type { SweepRow } from '../../../pipelines/evaluation/sweep.js'

type Mark = Readonly<{ k: number; weight: number; value: number }>

/** Colours of Observable's ten; a line a k, which its label names as well. */
const COLOURS = ['#4269d0', '#ff725c', '#3ca951', '#a463f2', '#9c6b4e', '#6cc5b0', '#ff8ab7', '#97bbf5', '#9498a0', '#efb118']
/** Of the height, between two labels at the least. */
const APART = 0.06
const [WIDTH, HEIGHT] = [480, 320]

/** Labels beside the ends of their lines, moved apart where they would lie on each other. */
function labels(ends: readonly Mark[], low: number, high: number): Mark[] {
  const apart = APART * (high - low)
  const sorted = [...ends].sort((a, b) => a.value - b.value)
  const placed: Mark[] = []
  for (const end of sorted) placed.push({ ...end, value: Math.max(end.value, (placed.at(-1)?.value ?? -Infinity) + apart) })
  return placed
}

/** A metric against the weight, a line a k, as in the paper's Figure 2: SVG that needs nothing else. Undefined where no point has it. */
export function sweepPlot(rows: readonly SweepRow[], metric: string): string | undefined {
  const marks: Mark[] = rows.flatMap(({ k, weight, figures }) => {
    const value = figures[metric]
    return value === null || value === undefined ? [] : [{ k, weight, value }]
  })
  if (marks.length === 0) return undefined
  const ks = [...new Set(marks.map(({ k }) => k))].sort((a, b) => a - b)
  const colour = ({ k }: Mark): string => COLOURS[ks.indexOf(k) % COLOURS.length]!
  const inOrder = [...marks].sort((a, b) => a.weight - b.weight)
  const ends = ks.map((k) => inOrder.findLast((mark) => mark.k === k)!)
  const values = marks.map(({ value }) => value)
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const room = most > least ? 0.05 * (most - least) : Math.max(0.5, Math.abs(most) * 0.1)
  const placed = labels(ends, least, Math.max(most, least + room))
  const high = Math.max(most + room, ...placed.map(({ value }) => value))
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const drawn = plot({
    document: document as never,
    width: WIDTH,
    height: HEIGHT,
    marginRight: 56,
    marginBottom: 44,
    style: { fontSize: '12px', background: 'white' },
    x: {
      label: 'weight',
      labelAnchor: 'center',
      labelOffset: 38,
      grid: true,
      ticks: [...new Set(inOrder.map(({ weight }) => weight))],
    },
    y: { label: metric, grid: true, domain: [least - room, high] },
    marks: [
      ...(least - room < 0 && high > 0 ? [ruleY([0], { stroke: '#999' })] : []),
      lineY(inOrder, { x: 'weight', y: 'value', z: 'k', stroke: colour, strokeWidth: 2 }),
      dot(inOrder, { x: 'weight', y: 'value', fill: colour, r: 3.5 }),
      text(placed, { x: 'weight', y: 'value', text: ({ k }: Mark) => `k = ${k}`, dx: 10, textAnchor: 'start', fill: colour }),
    ],
  })
  drawn.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  return drawn.outerHTML
}
