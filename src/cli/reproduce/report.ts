import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checkpoints } from '../../../pipelines/evaluation/reproduction.js'
import type { SweepRow } from '../../../pipelines/evaluation/sweep.js'
import { evalTable, formatFigure, interval } from '../print/evalTable.js'
import { formatTable } from '../print/formatTable.js'
import { sweepCells } from '../print/sweepFigures.js'
import type { Machine } from '../run/machine.js'
import type { ComparedTable, Cost } from './tables.js'

export type Reproduced = Readonly<{
  command: string
  /** Commit of rxargs, if it runs in a git checkout. */
  commit: string | undefined
  machine: Machine
  seed: number
  models: readonly Readonly<{ role: string; path: string; sha256: string }>[]
  tables: readonly ComparedTable[]
  sweep: readonly SweepRow[]
  cost: readonly Cost[]
}>

/** Both figures are from the abstract of ARGS (Khanov et al., 2024). */
const PAPER =
  'The paper, with LLaMA-7B on HH-RLHF: ARGS-greedy has an average reward 19.56% above greedy decoding, and wins or ties in 64.33% of prompts as judged by GPT-4 ([abstract](https://arxiv.org/abs/2402.01694)).'

/** The metric that puts all runs on one scale. */
const JUDGED = 'reward:judge'

/** Formats verdicts that share one of their two runs. The heading names the shared run, each line the other one (`of`). */
function verdictLines(of: 'name' | 'against', verdicts: ComparedTable['judged']): string[] {
  const [first] = verdicts
  if (!first) return []
  const head = of === 'name' ? `judged against ${first.against}` : `${first.name} judged against`
  const lines = verdicts.map((one) => [
    ...[one[of], String(one.judged), `${one.win} / ${one.tie} / ${one.lose}`, interval(one.winTie)],
  ])
  return [...formatTable([[head, 'prompts', 'win / tie / lose', 'win-tie [95%]'], ...lines], 'md'), '']
}

function tableLines({ name: file, title, about, left, evaluation, judged, args }: ComparedTable): string[] {
  const missing = left.map((role) => `- left out: \`${role}\`, ${checkpoints[role]}, was not given`)
  return [
    ...[`## ${title}`, '', about, ''],
    ...(missing.length > 0 ? [...missing, ''] : []),
    ...(evaluation
      ? [...evalTable(evaluation, 'md'), '', `![${JUDGED} of each run](${file}.svg)`, '']
      : ['Nothing to compare.', '']),
    ...verdictLines('name', judged),
    ...verdictLines('against', args),
  ]
}

function markdown({ command, commit, machine, seed, models, tables, sweep, cost }: Reproduced): string {
  const { cpu, cores, memory_gib: memory, node, version } = machine
  const plots = ['reward', 'diversity', 'coherence'].filter(
    (metric) => metric !== 'coherence' || 'coherence' in (sweep[0]?.figures ?? {}),
  )
  return [
    ...['# ARGS, reproduced', ''],
    `\`${command}\`: rxargs ${version}${commit === undefined ? '' : ` (commit ${commit})`} on ${cpu}, ${cores} cores, ${memory} GiB, Node ${node}, seed ${seed}.`,
    'Differences have 95% bootstrap intervals over prompts, and win-tie shares have 95% Wilson intervals. The judge guided no run.',
    ...['', PAPER, ''],
    ...formatTable([['model', 'folder', 'SHA-256'], ...models.map(({ role, path, sha256 }) => [role, path, sha256])], 'md'),
    '',
    ...tables.flatMap(tableLines),
    ...['## Generation cost', '', 'One prompt at a time, over the same prompts.', ''],
    ...formatTable(
      [
        ['decoder', 'prompts', 'greedy, ms per token', 'decoder, ms per token', 'ratio [95%]'],
        ...cost.map(({ decoder, prompts, first, second, ratio }) => [
          ...[decoder, String(prompts), formatFigure(first), formatFigure(second), interval(ratio)],
        ]),
      ],
      'md',
    ),
    ...['', '## Weight and k (Figure 2)', ''],
    ...plots.map((metric) => `![${metric} against the weight](sweep/${metric}.svg)`),
    '',
    ...formatTable(sweepCells(sweep, formatFigure), 'md'),
  ].join('\n')
}

/** Writes `report.md`, `report.json` and a plot per comparison, and gives their paths. The sweep has its own plots. */
export async function writeReproduction(folder: string, reproduced: Reproduced): Promise<string[]> {
  const { tables, ...rest } = reproduced
  // The plotting library is large, so it is loaded only here.
  const { differencesPlot } = await import('../print/differencesPlot.js')
  const plots = tables.flatMap(({ name, evaluation }) => {
    const svg = evaluation && differencesPlot(evaluation.pairs, JUDGED)
    return svg === undefined ? [] : [[`${name}.svg`, svg] as const]
  })
  const files = [
    ['report.md', markdown(reproduced)],
    ['report.json', JSON.stringify({ ...rest, tables: tables.map(({ runs, ...table }) => table) }, null, 1)],
    ...plots,
  ] as const
  for (const [name, content] of files) await writeFile(join(folder, name), `${content}\n`)
  return files.map(([name]) => join(folder, name))
}
