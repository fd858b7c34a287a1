import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SweepRow } from '../../../pipelines/evaluation/sweep.js'
import { type Cells, formatTable } from './formatTable.js'

/** The metrics of Figure 2 of the paper. */
const PLOTTED = ['reward', 'diversity', 'coherence']

const full = (value: number | null | undefined): string => (value === null || value === undefined ? '' : String(value))

/** One line per point: k, weight, rows, metrics, error rows. */
export function sweepCells(rows: readonly SweepRow[], format: (value: number | null | undefined) => string = full): Cells {
  const metrics = Object.keys(rows[0]?.figures ?? {})
  return [
    ['run', 'k', 'weight', 'rows', ...metrics, 'errors'],
    ...rows.map(({ name, k, weight, rows: count, errors, figures }) => [
      ...[name, String(k), String(weight), String(count)],
      ...metrics.map((metric) => format(figures[metric])),
      String(errors),
    ]),
  ]
}

export const sweepJson = (rows: readonly SweepRow[]): string =>
  JSON.stringify(
    {
      points: rows.map(({ figures, counts, intervals, ...point }) => ({
        ...point,
        ...figures,
        counts,
        ...(intervals && { intervals }),
      })),
    },
    null,
    1,
  )

/** Draws Figure 2 as SVG, one plot for each of its metrics that the points have. */
export async function sweepPlots(rows: readonly SweepRow[]): Promise<ReadonlyMap<string, string>> {
  // The plotting library is large, so it is loaded only here.
  const { sweepPlot } = await import('./sweepPlot.js')
  return new Map(
    PLOTTED.flatMap((metric) => {
      const svg = sweepPlot(rows, metric)
      return svg === undefined ? [] : [[metric, svg] as const]
    }),
  )
}

/** Writes `sweep.csv`, `sweep.json` and a plot per metric into the sweep's folder, replacing earlier ones. Gives their paths. */
export async function writeFigures(folder: string, rows: readonly SweepRow[]): Promise<string[]> {
  const plots = [...(await sweepPlots(rows))].map(([metric, svg]) => [`${metric}.svg`, svg] as const)
  const files = [
    ['sweep.csv', formatTable(sweepCells(rows), 'csv').join('\n')],
    ['sweep.json', sweepJson(rows)],
    ...plots,
  ] as const
  for (const [name, content] of files) await writeFile(join(folder, name), `${content}\n`)
  return files.map(([name]) => join(folder, name))
}
