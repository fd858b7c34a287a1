import { stat, writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import * as z from 'zod'
import { type EvaluatedRun, evaluate } from '../../../pipelines/evaluation/evaluate.js'
import { messageOf, OutputError } from '../../core/errors.js'
import type { Reply, RunMeta } from '../../core/run.js'
import { type Histogram, histogram, sharedBins } from '../../eval/histogram.js'
import { keptSample } from '../../eval/keptSample.js'
import { countRows } from '../../io/countRows.js'
import { readParquet } from '../../io/parquet/readParquet.js'
import { runMeta } from '../../io/parquet/runMeta.js'
import { furtherRewards, readReplies } from '../../io/readReplies.js'
import { parquetFiles } from '../../io/readRows.js'
import { number, text } from '../flags/flags.js'
import { evalNotices } from '../print/evalTable.js'
import { progress } from '../print/progress.js'
import { sweepPlots } from '../print/sweepFigures.js'
import { loadMeasures, type MeasureFlags, measuredRewards, measureFlags } from '../run/evalMeasures.js'
import { folderName } from '../run/folderName.js'
import { type Terminal, writeLine } from '../terminal.js'
import { inspected } from './inspected.js'
import { reportPage } from './page.js'
import { sweepOf } from './sweepOf.js'

type Flags = MeasureFlags & Readonly<{ output: string; inspect: number; sweep?: string; force?: boolean }>

const INSPECTED = 8
/** Finer than a difference of rewards that a picture shows. */
const FINEST_REWARD = 2 ** -20
const atLeastZero = z.int().min(0).describe('an integer >= 0')

/** `rxargs report`: what runs say, as one page for a browser. */
export const reportCommand = (terminal: Terminal): Command =>
  measureFlags(
    new Command('report')
      .description('one HTML file of runs: metrics, distributions, and each token beside its candidates; opens without a network')
      .argument('<runs...>', 'folders that generate wrote, with --trace for the candidates')
      .requiredOption('-o, --output <file>', 'HTML file to write', text('output')),
  )
    .option(
      '--inspect <number>',
      'replies of each run whose tokens are in the page, drawn by --seed',
      number('inspect', atLeastZero),
      INSPECTED,
    )
    .option('--sweep <folder>', 'what rxargs sweep wrote: Figure 2 and its table are in the page', text('sweep'))
    .option('--force', 'replace the file')
    .action((runs: readonly string[], flags: Flags) => run(runs, flags, terminal))

/** Of one run, as its replies come by: how its figures are distributed, and which rows the page has in full. */
function watcher(rewards: readonly string[], { inspect, seed }: Flags) {
  const histograms: Readonly<Record<string, Histogram>> = {
    length: histogram(1),
    reward: histogram(FINEST_REWARD),
    ...Object.fromEntries(rewards.map((name) => [`reward_${name}`, histogram(FINEST_REWARD)])),
  }
  const sample = keptSample(inspect, seed)
  const see = ({ id, sample: number, tokenIds, reward, otherRewards, finishReason }: Reply): void => {
    if (finishReason === 'error') return
    sample.add({ id, sample: number })
    histograms.length!.add(tokenIds?.length ?? Number.NaN)
    histograms.reward!.add(reward ?? Number.NaN)
    for (const name of rewards) histograms[`reward_${name}`]!.add(otherRewards?.[name] ?? Number.NaN)
  }
  return { histograms, keys: sample.keys, see }
}

async function run(paths: readonly string[], flags: Flags, { stdout, stderr, signal }: Terminal): Promise<void> {
  const { output, force = false, inspect, seed } = flags
  const rewards = measuredRewards(flags)
  const isThere = await stat(output).catch(() => undefined)
  if (isThere && !force) throw new OutputError(`Expected no file at ${output}, which is there; --force replaces it`)
  const swept = flags.sweep === undefined ? [] : await sweepOf(flags.sweep)
  const counts = await Promise.all(paths.map(countRows))

  const shown = progress({ stream: stderr })
  const closing: (() => Promise<void>)[] = []
  try {
    const measures = await loadMeasures(rewards, flags, shown.say, closing)
    signal.throwIfAborted()
    const watched = await Promise.all(
      paths.map(async (path) => {
        const further = await furtherRewards(path)
        const seen = watcher(further, flags)
        return { path, name: folderName(path), further, ...seen }
      }),
    )
    const runs = watched.map(
      ({ path, name, further, see }): EvaluatedRun => ({
        ...{ name, rewards: further },
        async *replies() {
          for await (const reply of readReplies(path, { texts: measures.length > 0, rewards: further })) {
            see(reply)
            yield reply
          }
        },
      }),
    )
    shown.expect(counts.reduce<number>((sum, count) => sum + (count ?? 0), 0))
    const evaluation = await evaluate(runs, { measures, seed, signal, onReply: () => shown.skip() })
    shown.end()
    const notices = evalNotices(evaluation)
    const drawn = watched.map(({ name, path, keys }) => ({ name, path, keys: keys() }))
    const inspector = await inspected(drawn, (notice) => notices.push(notice))
    for (const notice of notices) shown.say(notice)
    const metas = await Promise.all(paths.map(metaOf))
    const page = reportPage({
      ...{ evaluation, metas, notices, inspector, sample: { size: inspect, seed } },
      plots: await plotsOf(watched),
      sweep: { rows: swept, plots: [...(await sweepPlots(swept)).values()] },
    })
    signal.throwIfAborted()
    await writeFile(output, page, { flag: force ? 'w' : 'wx' }).catch((error: unknown) => {
      throw new OutputError(`Expected to write ${output}: ${messageOf(error)}`)
    })
    await writeLine(stdout, output, signal)
  } finally {
    shown.end()
    for (const close of closing) await close()
  }
}

type Watched = Readonly<{ name: string; histograms: Readonly<Record<string, Histogram>> }>

/** One plot a figure that at least one run has. */
async function plotsOf(runs: readonly Watched[]): Promise<string[]> {
  // The plotting library is large, and nobody else needs it.
  const { distributionPlot } = await import('./distributionPlot.js')
  const figures = new Set(runs.flatMap(({ histograms }) => Object.keys(histograms)))
  return [...figures].flatMap((figure) => {
    const having = runs.flatMap(({ name, histograms }) => (histograms[figure] ? [{ name, histogram: histograms[figure] }] : []))
    const bins = sharedBins(having.map(({ histogram: each }) => each))
    const label = figure === 'length' ? 'length (tokens)' : figure
    return (
      distributionPlot(
        having.map(({ name }, index) => ({ name, bins: bins[index]! })),
        label,
      ) ?? []
    )
  })
}

async function metaOf(path: string): Promise<RunMeta | undefined> {
  const [first] = await parquetFiles(path)
  return runMeta((await readParquet(first!)).metadata)
}
