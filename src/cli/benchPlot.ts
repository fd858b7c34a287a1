import { barX, ruleX, text, tickX } from '@observablehq/plot'
import type { TableSetting } from './benchTable.js'
import { drawPlot, seriesColour } from './print/drawPlot.js'

/** Plots how many times as fast as the paper's own loop each setting was: a bar, and a tick at the goal. */
export function ratioPlot(settings: readonly TableSetting[]): string {
  const rows = settings.flatMap(({ name, asked, baseline }) =>
    asked && baseline ? [{ name, ratio: baseline.ratio, asked: asked.ratio, label: `${baseline.ratio.toFixed(1)}×` }] : [],
  )
  return drawPlot({
    title: "Speed, relative to the paper's loop in PyTorch",
    subtitle: 'bar: measured; tick: goal. Rows: pair of models, prompt / new tokens, prompts at once',
    width: 640,
    height: 80 + 34 * rows.length,
    marginBottom: 44,
    marginLeft: 196,
    marginRight: 48,
    x: {
      ...{ label: 'tokens/s of rxargs ÷ tokens/s of the loop', labelAnchor: 'center', labelArrow: 'none', labelOffset: 38 },
      grid: true,
    },
    y: { label: null, domain: rows.map(({ name }) => name), tickSize: 0 },
    marks: [
      barX(rows, { x: 'ratio', y: 'name', fill: seriesColour(0) }),
      tickX(rows, { x: 'asked', y: 'name', stroke: 'var(--plot-background)', strokeWidth: 6 }),
      tickX(rows, { x: 'asked', y: 'name', stroke: 'currentColor', strokeWidth: 2.5 }),
      text(rows, {
        x: (row) => Math.max(row.ratio, row.asked),
        y: 'name',
        text: 'label',
        textAnchor: 'start',
        dx: 6,
        fontWeight: 600,
      }),
      ruleX([0]),
    ],
  })
}
