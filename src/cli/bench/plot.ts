import { barX, ruleX, text, tickX } from '@observablehq/plot'
import { drawPlot, seriesColour } from '../print/drawPlot.js'
import type { TableSetting } from './tableRows.js'

/** A bar of at least this share of the longest one has room for its number. */
const ROOM = 0.12

/** Plots the speed of each setting relative to the paper's own loop: a bar, and a tick at the goal. */
export function ratioPlot(settings: readonly TableSetting[]): string {
  const rows = settings.flatMap(({ name, goal, baseline }) =>
    goal && baseline ? [{ name, ratio: baseline.ratio, goal: goal.ratio, label: `${baseline.ratio.toFixed(1)}×` }] : [],
  )
  const longest = Math.max(...rows.map(({ ratio, goal }) => Math.max(ratio, goal)))
  const hasRoom = ({ ratio }: { ratio: number }): boolean => ratio > longest * ROOM
  const [inside, outside] = [rows.filter(hasRoom), rows.filter((row) => !hasRoom(row))]
  return drawPlot({
    title: "Speed, relative to the paper's loop in PyTorch",
    subtitle: 'bar: measured; tick: goal. Rows: pair of models, prompt / new tokens, prompts at once',
    width: 640,
    height: 80 + 34 * rows.length,
    marginBottom: 44,
    marginLeft: 196,
    marginRight: 16,
    x: {
      ...{ label: 'tokens/s of rxargs ÷ tokens/s of the loop', labelAnchor: 'center', labelArrow: 'none', labelOffset: 38 },
      grid: true,
    },
    y: { label: null, domain: rows.map(({ name }) => name), tickSize: 0 },
    marks: [
      barX(rows, { x: 'ratio', y: 'name', fill: seriesColour(0) }),
      tickX(rows, { x: 'goal', y: 'name', stroke: 'var(--plot-background)', strokeWidth: 6 }),
      tickX(rows, { x: 'goal', y: 'name', stroke: 'currentColor', strokeWidth: 2.5 }),
      text(inside, {
        x: 'ratio',
        y: 'name',
        text: 'label',
        textAnchor: 'end',
        dx: -6,
        fontWeight: 600,
        fill: 'var(--plot-background)',
      }),
      text(outside, { x: 'ratio', y: 'name', text: 'label', textAnchor: 'start', dx: 6, fontWeight: 600 }),
      ruleX([0]),
    ],
  })
}
