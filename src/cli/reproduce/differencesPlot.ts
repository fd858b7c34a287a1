import { dot, plot, ruleX, ruleY } from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import type { PairFigures } from '../../../pipelines/evaluation/evaluate.js'

const [WIDTH, ROW, MARGIN] = [640, 28, 64]
/** Of a letter of a run's name. */
const LETTER = 7

/** How much a metric of each run is above the first run's, with 95% intervals, a line a run: SVG that needs nothing else. Undefined where no pair has it. */
export function differencesPlot(pairs: readonly PairFigures[], metric: string): string | undefined {
  const marks = pairs.flatMap(({ name, differences }) => {
    const estimate = differences[metric]
    return estimate ? [{ name, ...estimate }] : []
  })
  if (marks.length === 0) return undefined
  const names = marks.map(({ name }) => name)
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const drawn = plot({
    document: document as never,
    width: WIDTH,
    height: MARGIN + ROW * marks.length,
    marginLeft: 16 + LETTER * Math.max(...names.map(({ length }) => length)),
    marginBottom: 44,
    style: { fontSize: '12px', background: 'white' },
    x: { label: `${metric}, less ${pairs[0]!.against}`, labelAnchor: 'center', labelOffset: 38, grid: true },
    y: { label: null, domain: names, type: 'point' },
    marks: [
      ruleX([0], { stroke: '#999' }),
      ruleY(marks, { y: 'name', x1: 'low', x2: 'high', stroke: '#4269d0', strokeWidth: 2 }),
      dot(marks, { y: 'name', x: 'value', fill: '#4269d0', r: 4 }),
    ],
  })
  drawn.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  return drawn.outerHTML
}
