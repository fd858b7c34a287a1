import type { Reply, Run } from '../../src/core/run.js'
import { type EvaluatedRun, evaluate, type RunFigures } from './evaluate.js'
import type { Measure } from './measures.js'

/** A setting of the paper's Figure 2, and the folder of its run. */
export type SweepPoint = Readonly<{ k: number; weight: number; name: string }>

export type SweepRow = SweepPoint & Omit<RunFigures, 'name'>

/** Combines each k with each weight, in order, without duplicates. */
export const sweepPoints = (ks: readonly number[], weights: readonly number[]): SweepPoint[] =>
  [...new Set(ks)].flatMap((k) => [...new Set(weights)].map((weight) => ({ k, weight, name: `k-${k}-weight-${weight}` })))

export type SweepOptions = Readonly<{
  /** Makes the run of a point; all runs share the models. */
  runOf: (point: SweepPoint) => Run
  /** Writes a run where its rows can be read again, without the rows that exist. */
  write: (point: SweepPoint, run: Run) => Promise<void>
  repliesOf: (point: SweepPoint) => ReturnType<EvaluatedRun['replies']>
  /** Names of the rewards after the first. */
  rewards?: readonly string[]
  measures?: readonly Measure[]
  signal?: AbortSignal
  onReply?: (reply: Reply) => void
}>

/** Runs each point over the same models, one after the other, and returns their metrics. */
export async function sweep(points: readonly SweepPoint[], options: SweepOptions): Promise<SweepRow[]> {
  const { runOf, write, repliesOf, rewards, ...evaluation } = options
  const rows: SweepRow[] = []
  for (const point of points) {
    evaluation.signal?.throwIfAborted()
    await write(point, runOf(point))
    const { runs } = await evaluate([{ name: point.name, replies: () => repliesOf(point), ...(rewards && { rewards }) }], {
      ...evaluation,
      intervals: true,
    })
    rows.push({ ...runs[0]!, ...point })
  }
  return rows
}
