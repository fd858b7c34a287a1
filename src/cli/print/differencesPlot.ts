import { dot, ruleX, ruleY, text } from '@observablehq/plot'
import type { PairFigures } from '../../../pipelines/evaluation/evaluate.js'
import { drawPlot, seriesColour, shortName } from './drawPlot.js'
import { interval } from './evalTable.js'

const [WIDTH, ROW, AXIS] = [400, 44, 56]

/** Keeps grid lines out of the text. */
const HALO = { stroke: 'var(--plot-background)', strokeWidth: 4, fill: 'currentColor' }

/** Plots the difference of a metric between each run and the first, with 95% intervals, one row per run. Undefined if no pair has the metric. */
export function differencesPlot(pairs: readonly PairFigures[], metric: string): string | undefined {
  const marks = pairs.flatMap(({ name, differences }) => {
    const estimate = differences[metric]
    return estimate ? [{ name: shortName(name, 31), ...estimate, label: interval(estimate) }] : []
  })
  if (marks.length === 0) return undefined
  // Names may repeat, so rows are identified by number.
  const rows = marks.map((mark, row) => ({ ...mark, row }))
  const ends = rows.flatMap(({ low, high }) => [low, high, 0])
  const [least, most] = [Math.min(...ends), Math.max(...ends)]
  return drawPlot({
    title: `Difference in ${metric}`,
    subtitle: 'mean over shared prompts, 95% bootstrap interval',
    width: WIDTH,
    height: AXIS + ROW * rows.length,
    marginLeft: 12,
    marginRight: 16,
    insetLeft: 6,
    insetRight: 6,
    marginBottom: 44,
    x: {
      // If all differences are 0, the axis is centred on it.
      domain: least < most ? [least, most] : [-1, 1],
      label: `${shortName(metric, 20)} minus that of ${shortName(pairs[0]!.against, 28)}`,
      labelAnchor: 'center',
      labelArrow: 'none',
      labelOffset: 38,
      grid: true,
      ticks: 6,
    },
    y: { axis: null, domain: rows.map(({ row }) => row), type: 'band' },
    marks: [
      ruleX([0], { stroke: 'currentColor', strokeOpacity: 0.6 }),
      ruleY(rows, { y: 'row', x1: 'low', x2: 'high', stroke: seriesColour(0), strokeWidth: 2, dy: 10 }),
      dot(rows, { y: 'row', x: 'value', fill: seriesColour(0), r: 4.5, dy: 10 }),
      text(rows, { y: 'row', text: 'name', frameAnchor: 'left', textAnchor: 'start', dy: -9, fontWeight: 600, ...HALO }),
      text(rows, { y: 'row', text: 'label', frameAnchor: 'right', textAnchor: 'end', dy: -9, ...HALO }),
    ],
  })
}
