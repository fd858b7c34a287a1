import { barX, plot, ruleX, tickX } from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import type { TableSetting } from './tableRows.js'

const [MEASURED, ASKED] = ['#4269d0', '#222'] as const

/** Bars of the ratios to the paper's own loop, and a tick where each was asked to be, as SVG that needs nothing else. */
export function ratioPlot(settings: readonly TableSetting[]): string {
  const rows = settings.flatMap(({ name, asked, baseline }) =>
    asked && baseline ? [{ name, ratio: baseline.ratio, asked: asked.ratio }] : [],
  )
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const drawn = plot({
    document: document as never,
    width: 720,
    height: 70 + 32 * rows.length,
    marginBottom: 45,
    marginLeft: 210,
    style: { fontSize: '12px', background: 'white' },
    x: { labelOffset: 40, label: "times the tokens/s of the paper's loop in PyTorch (bar), asked (tick)", grid: true },
    y: { label: null, domain: rows.map(({ name }) => name) },
    marks: [
      barX(rows, { x: 'ratio', y: 'name', fill: MEASURED }),
      tickX(rows, { x: 'asked', y: 'name', stroke: ASKED, strokeWidth: 2 }),
      ruleX([0]),
    ],
  })
  drawn.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  return drawn.outerHTML
}
