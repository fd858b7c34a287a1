import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../../io/outputFolder.js'
import { pairSizes, writeRandomPair } from '../../models/checkpoint/writeRandomPair.js'
import { bestPeaks } from '../../models/peaks/peaks.js'
import type { EngineFlags } from '../flags/engineFlags.js'
import type { Machine, MeasuredMachine } from '../run/machine.js'
import { type Terminal, writeLine } from '../terminal.js'
import type { Baseline } from './baseline.js'
import { measure } from './measure.js'
import type { TableRow, TableSetting } from './tableRows.js'

export type TableResults = Readonly<{ machine: MeasuredMachine; measured_at: string; settings: readonly TableSetting[] }>

type TableOptions = Readonly<{
  machine: Machine
  baseline: Baseline | undefined
  folder: string
  /** Folder for the random pairs. */
  pairs: string
}> &
  EngineFlags

/** Measures every row and writes results.json, results.md and results.svg into a folder. Rows may share a pair. */
export async function benchTable(rows: readonly TableRow[], options: TableOptions, terminal: Terminal): Promise<void> {
  const { machine, baseline, folder, pairs, device, dtype, cache } = options
  const settings: TableSetting[] = []
  for (const { name, sizes, goal, ...row } of rows) {
    const pair = join(pairs, Object.entries(sizes).flat(2).join('-'))
    await writeRandomPair(pair, pairSizes.parse(sizes))
    const models = {
      lm: join(pair, 'lm'),
      reward: { name: 'reward', path: join(pair, 'reward') },
      prompts: join(pair, 'prompts.jsonl'),
    }
    const { decoder, prompts: limit, concurrency, maxNewTokens, weight } = row
    const measuredPair = {
      ...models,
      decoder,
      options: weight === undefined ? {} : { weight },
      concurrency: [concurrency],
      maxNewTokens,
      ...{ device, dtype, cache },
      limit,
      threads: machine.threads,
    }
    terminal.stderr.write(`${name}\n`)
    for (const setting of await measure(measuredPair, goal && baseline, terminal))
      settings.push({ name, ...(goal && { goal: goal }), ...setting })
  }
  const measured = { ...machine, ...bestPeaks(settings.flatMap(({ peaks }) => peaks ?? [])) }
  const results: TableResults = { machine: measured, measured_at: new Date().toISOString(), settings }
  await makeFolder(folder)
  await writeFile(join(folder, 'results.json'), `${JSON.stringify(results, null, 1)}\n`)
  await writeFile(join(folder, 'results.md'), `${tableText(results)}\n`)
  // The plotting library is large, so it is loaded only here.
  const { ratioPlot } = await import('./plot.js')
  if (baseline) await writeFile(join(folder, 'results.svg'), `${ratioPlot(settings)}\n`)
  await writeLine(terminal.stdout, tableText(results))
}

const times = (value: number | undefined): string => (value === undefined ? '' : `${value.toFixed(value < 10 ? 2 : 1)}x`)
const percent = (share: number): string => `${(100 * share).toFixed(0)}%`

/** Approximate speed-up ceiling: peak throughput, no other work. */
const ratioCeiling = ({ baseline, roofline_share: share }: TableSetting): number | undefined =>
  baseline && share ? baseline.ratio / share : undefined

/** Formats the results as a Markdown table. */
export function tableText({ machine, settings }: TableResults): string {
  const heads = [
    'pair, prompt / new tokens',
    'decoder',
    'tokens/s',
    'ratio',
    'goal',
    'at most here',
    'second token on',
    'goal',
    'outside runs',
    'GFLOP/s LM, RM',
    'roofline',
  ]
  const lines = settings.map((one) => [
    one.name,
    one.decoder,
    one.tokens_per_second.toFixed(1),
    times(one.baseline?.ratio),
    one.goal ? `${one.goal.ratio}x` : '',
    times(ratioCeiling(one)),
    times(one.baseline?.decode_ratio),
    one.goal ? `${one.goal.decode_ratio}x` : '',
    percent(one.outside_run_share),
    Object.values(one.gflops)
      .filter((gflops) => gflops > 0)
      .map((gflops) => gflops.toFixed(0))
      .join(', '),
    one.roofline_share === null ? '' : percent(one.roofline_share),
  ])
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memory_gib} GiB, Node ${machine.node}; fp32 products of up to ${machine.peak_gflops.toFixed(0)} GFLOP/s, weights read at up to ${machine.peak_read_gb_s.toFixed(0)} GB/s.`,
    '',
    row(heads),
    row(heads.map(() => '---')),
    ...lines.map(row),
  ].join('\n')
}
