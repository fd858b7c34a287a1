import { type Evaluation, evaluate } from '../../../pipelines/evaluation/evaluate.js'
import { judgeByReward } from '../../../pipelines/evaluation/judge.js'
import type { Measure } from '../../../pipelines/evaluation/measures.js'
import { type Comparison, runName } from '../../../pipelines/evaluation/reproduction.js'
import { sharedPrompts } from '../../../pipelines/evaluation/sharedPrompts.js'
import type { Reply } from '../../core/run.js'
import { generationCost, type Timed } from '../../eval/generationCost.js'
import { type JudgeFigures, judgeFigures } from '../../eval/judgeFigures.js'
import { readReplies } from '../../io/readReplies.js'
import { readColumns } from '../../io/readRows.js'
import { costFolder, runFolder, TIMED } from './runs.js'
import type { ReproduceFlags, Reproducing } from './settings.js'

/** Prompts that a judge reads, as in the paper. */
const JUDGED = 300

type Verdict = JudgeFigures & Readonly<{ name: string; against: string }>

/**
 * A comparison with its figures, if it has at least two runs. `judged`: each run against the first. `args`: the first ARGS run after that
 * against each of the others, as in the paper's evaluation by GPT-4.
 */
export type ComparedTable = Comparison &
  Readonly<{ evaluation?: Evaluation; judged: readonly Verdict[]; args: readonly Verdict[] }>

/** Computes the metrics of a comparison's runs, and judges the runs against each other by a reward model that guided none of them. */
export async function comparisonTables(
  comparison: Comparison,
  judge: Measure,
  { flags, measures, terminal }: Reproducing,
): Promise<ComparedTable> {
  const { reward } = comparison.runs[0] ?? {}
  const runs = comparison.runs.map((run) => ({
    name: runName(run),
    replies: () => repliesOf(runFolder(flags.output, run), run.reward === reward),
  }))
  const [first, ...others] = runs
  if (!first || others.length === 0) return { ...comparison, judged: [], args: [] }
  const { seed } = flags
  const evaluation = await evaluate(runs, { measures, seed, signal: terminal.signal })
  const verdict = async (run: typeof first, against: typeof first): Promise<Verdict> => {
    const { pairs } = await sharedPrompts(run, against, { count: JUDGED, seed })
    const { judgements } = await judgeByReward(pairs, judge)
    return { name: run.name, against: against.name, ...judgeFigures(judgements) }
  }
  const judged: Verdict[] = []
  for (const run of others) judged.push(await verdict(run, first))
  const guided = others.find((_, index) => comparison.runs[index + 1]!.decoder === 'args')
  const args: Verdict[] = []
  if (guided) {
    args.push(...judged.filter(({ name }) => name === guided.name))
    for (const run of others) if (run !== guided) args.push(await verdict(guided, run))
  }
  return { ...comparison, evaluation, judged, args }
}

/** Leaves out rewards of a different model than the first run's, because their scale differs. */
async function* repliesOf(folder: string, sameReward: boolean): AsyncGenerator<Reply> {
  for await (const reply of readReplies(folder, { texts: true })) yield sameReward ? reply : { ...reply, reward: null }
}

export type Cost = Readonly<{ decoder: string }> & NonNullable<ReturnType<typeof generationCost>>

/** Compares the milliseconds per token of each timed decoder with greedy. */
export async function costOf({ output, seed }: ReproduceFlags): Promise<Cost[]> {
  const timedOf = async (decoder: string): Promise<Timed[]> => {
    const replies: Timed[] = []
    const columns = ['id', 'duration_ms', 'completion_tokens']
    for await (const { id, duration_ms: durationMs, completion_tokens: tokens } of readColumns(
      costFolder(output, decoder),
      columns,
    ))
      if (typeof tokens === 'number') replies.push({ id: String(id), durationMs: Number(durationMs), tokens })
    return replies
  }
  const [greedy, ...others] = TIMED
  const first = await timedOf(greedy)
  const costs = others.map(async (decoder) => ({ decoder, cost: generationCost(first, await timedOf(decoder), seed) }))
  return (await Promise.all(costs)).flatMap(({ decoder, cost }) => (cost ? [{ decoder, ...cost }] : []))
}
