import { plot, rectY, ruleY, text } from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import type { Bin } from '../../eval/histogram.js'

export type Distribution = Readonly<{ name: string; bins: readonly Bin[] }>

const COLOUR = '#5b83e6'
const [WIDTH, FACET, LETTERS] = [420, 92, 48]

/** The end of a long name says more than its beginning. */
const short = (name: string): string => (name.length > LETTERS ? `…${name.slice(1 - LETTERS)}` : name)

/** How a figure is distributed in each run, one below the other: the share of its replies in each bin. SVG in the page's own colours. */
export function distributionPlot(runs: readonly Distribution[], label: string): string | undefined {
  const shown = runs.filter(({ bins }) => bins.length > 0)
  if (shown.length === 0) return undefined
  const facets = shown.map(({ name }, index) => ({ run: index, name: short(name) }))
  const bars = shown.flatMap(({ bins }, run) => {
    const total = bins.reduce((sum, { count }) => sum + count, 0)
    return bins.map(({ from, to, count }) => ({ run, from, to, share: (100 * count) / total }))
  })
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const drawn = plot({
    document: document as never,
    width: WIDTH,
    height: 54 + FACET * shown.length,
    marginBottom: 40,
    marginLeft: 44,
    style: { fontSize: '12px', background: 'none', color: 'currentColor' },
    x: { label, labelAnchor: 'center', labelOffset: 36 },
    y: { label: '% of replies', grid: true, ticks: 3, insetTop: 18 },
    fy: { axis: null, domain: facets.map(({ run }) => run), padding: 0.12 },
    marks: [
      rectY(bars, { x1: 'from', x2: 'to', y: 'share', fy: 'run', fill: COLOUR, insetLeft: 0.5, insetRight: 0.5 }),
      ruleY([0]),
      text(facets, { fy: 'run', text: 'name', frameAnchor: 'top-left', dx: 4, dy: 2, fontWeight: 600 }),
    ],
  })
  drawn.setAttribute('role', 'img')
  drawn.setAttribute('aria-label', `${label}: share of replies, by run`)
  return drawn.outerHTML
}
