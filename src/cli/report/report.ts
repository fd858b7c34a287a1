import { writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import * as z from 'zod'
import { type EvaluatedRun, evaluate } from '../../../pipelines/evaluation/evaluate.js'
import { messageOf, OutputError } from '../../core/errors.js'
import type { RunMeta } from '../../core/run.js'
import { keptSample } from '../../eval/keptSample.js'
import { countRows } from '../../io/countRows.js'
import { checkOutputFile } from '../../io/outputFolder.js'
import { readParquet } from '../../io/parquet/readParquet.js'
import { runMeta } from '../../io/parquet/runMeta.js'
import { readReplies, runRewards } from '../../io/readReplies.js'
import { parquetFiles } from '../../io/readRows.js'
import { strayFiles } from '../../io/strayFiles.js'
import { number, text } from '../flags/flags.js'
import { evalNotices } from '../print/evalTable.js'
import { startProgress } from '../print/progress.js'
import { sweepPlots } from '../print/sweepFigures.js'
import { loadMeasures, type MeasureFlags, measuredRewards, measureFlags } from '../run/evalMeasures.js'
import { folderName } from '../run/folderName.js'
import { type Terminal, writeLine } from '../terminal.js'
import { distributionPlots, distributions } from './distributions.js'
import { readInspectorData } from './inspectorData.js'
import { reportPage } from './page.js'
import { sweepOf } from './sweepOf.js'

type Flags = MeasureFlags & Readonly<{ output: string; inspect: number; sweep?: string; force?: boolean }>

const INSPECTED = 8
const atLeastZero = z.int().min(0).describe('an integer >= 0')

/** `rxargs report` makes one HTML page of runs. */
export const reportCommand = (terminal: Terminal): Command =>
  measureFlags(
    new Command('report')
      .description('make one HTML file of runs: metrics, distributions, and the candidates of each token; works offline')
      .argument('<runs...>', 'folders written by generate; --trace adds the candidates')
      .requiredOption('-o, --output <file>', 'HTML file to write', text('output')),
  )
    .option(
      '--inspect <number>',
      'number of replies per run on the page, drawn by --seed',
      number('inspect', atLeastZero),
      INSPECTED,
    )
    .option('--sweep <folder>', 'folder written by rxargs sweep; adds Figure 2 and its table', text('sweep'))
    .option('--force', 'replace the file')
    .action((runs: readonly string[], flags: Flags) => run(runs, flags, terminal))

/** Names runs without the folders that all of them share. A single run gets the last part of its path. */
function shortNames(paths: readonly string[]): string[] {
  const parts = paths.map((path) => folderName(path).split(/[/\\]+/))
  const most = Math.min(...parts.map(({ length }) => length)) - 1
  let shared = 0
  while (shared < most && parts.every((each) => each[shared] === parts[0]![shared])) shared++
  return parts.map((each) =>
    each
      .slice(shared)
      .join('/')
      .replace(/^s3:\//i, 's3://'),
  )
}

async function run(paths: readonly string[], flags: Flags, { stdout, stderr, signal }: Terminal): Promise<void> {
  const { output, force = false, inspect, seed } = flags
  const rewards = measuredRewards(flags)
  await checkOutputFile(output, force)
  const swept = flags.sweep === undefined ? [] : await sweepOf(flags.sweep)
  for (const path of paths) await parquetFiles(path)
  const counts = await Promise.all(paths.map((path) => countRows(path)))

  const progress = startProgress({ stream: stderr })
  for (const path of paths) for (const notice of await strayFiles(path)) progress.say(notice)
  const closing: (() => Promise<void>)[] = []
  try {
    const measures = await loadMeasures(rewards, flags, progress.say, closing)
    signal.throwIfAborted()
    const names = shortNames(paths)
    const watched = await Promise.all(
      paths.map(async (path, index) => {
        const { rewards: further, kinds } = await runRewards(path)
        return {
          ...{ path, name: names[index]!, further, kinds },
          ...{ distributions: distributions(further), sample: keptSample(inspect, seed) },
        }
      }),
    )
    const runs = watched.map(
      ({ path, name, further, kinds, distributions: { add }, sample }): EvaluatedRun => ({
        ...{ name, rewards: further, kinds },
        async *replies() {
          for await (const reply of readReplies(path, { texts: measures.length > 0, rewards: further })) {
            if (reply.finishReason !== 'error') {
              add(reply)
              sample.add({ id: reply.id, sample: reply.sample })
            }
            yield reply
          }
        },
      }),
    )
    progress.expect(counts.reduce<number>((sum, count) => sum + (count ?? 0), 0))
    const evaluation = await evaluate(runs, { measures, seed, intervals: true, signal, onReply: () => progress.skip() })
    progress.end()
    const notices = evalNotices(evaluation)
    const inspectorNotices: string[] = []
    const drawn = watched.map(({ name, path, sample }) => ({ name, path, keys: sample.keys() }))
    const inspector = await readInspectorData(drawn, (notice) => inspectorNotices.push(notice))
    for (const notice of [...notices, ...inspectorNotices]) progress.say(notice)
    // The plotting library is large, so it is loaded only here.
    const { differencesPlot } = await import('../print/differencesPlot.js')
    const page = reportPage({
      ...{ evaluation, folders: paths, notices, inspector, inspectorNotices, sample: { size: inspect, seed } },
      metas: await Promise.all(paths.map(metaOf)),
      differences: evaluation.metrics.flatMap((metric) => differencesPlot(evaluation.pairs, metric) ?? []),
      distributions: await distributionPlots(
        watched.map(({ distributions: each }) => each),
        evaluation.runs,
      ),
      sweep: { rows: swept, plots: [...(await sweepPlots(swept)).values()] },
    })
    signal.throwIfAborted()
    await writeFile(output, page, { flag: force ? 'w' : 'wx' }).catch((error: unknown) => {
      throw new OutputError(`Expected to write ${output}: ${messageOf(error)}`)
    })
    await writeLine(stdout, output, signal)
  } finally {
    progress.end()
    for (const close of closing) await close()
  }
}

async function metaOf(path: string): Promise<RunMeta | undefined> {
  const [first] = await parquetFiles(path)
  return runMeta((await readParquet(first!)).metadata)
}
