import type { Reply, Run } from '../../src/core/run.js'
import { type EvaluatedRun, evaluate, type RunFigures } from './evaluate.js'
import type { Measure } from './measures.js'

/** One setting of the paper's Figure 2, and the folder that its run goes to. */
export type SweepPoint = Readonly<{ k: number; weight: number; name: string }>

export type SweepRow = SweepPoint & Omit<RunFigures, 'name'>

/** Every weight for every k, in the order given; what comes twice is there once. */
export const sweepPoints = (ks: readonly number[], weights: readonly number[]): SweepPoint[] =>
  [...new Set(ks)].flatMap((k) => [...new Set(weights)].map((weight) => ({ k, weight, name: `k-${k}-weight-${weight}` })))

export type SweepOptions = Readonly<{
  /** The run of a point; all share the models. */
  runOf: (point: SweepPoint) => Run
  /** Writes a run where its rows can be read again; what is there already is left out. */
  write: (point: SweepPoint, run: Run) => Promise<void>
  repliesOf: (point: SweepPoint) => ReturnType<EvaluatedRun['replies']>
  /** Names of the rewards besides the first. */
  rewards?: readonly string[]
  measures?: readonly Measure[]
  signal?: AbortSignal
  onReply?: (reply: Reply) => void
}>

/** Points → their runs, one after the other over the same models → the metrics of each. */
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
