import { Command } from 'commander'
import { evaluate } from '../../pipelines/evaluation/evaluate.js'
import { countRows } from '../io/countRows.js'
import { readReplies, runRewards } from '../io/readReplies.js'
import { parquetFiles } from '../io/readRows.js'
import { strayFiles } from '../io/strayFiles.js'
import { oneOf } from './flags/flags.js'
import { evalJson, evalNotices, evalTable } from './print/evalTable.js'
import { type TableFormat, tableFormats } from './print/formatTable.js'
import { startProgress } from './print/progress.js'
import { loadMeasures, type MeasureFlags, measuredRewards, measureFlags } from './run/evalMeasures.js'
import { folderName } from './run/folderName.js'
import { type Terminal, writeLine } from './terminal.js'

type Flags = MeasureFlags & Readonly<{ format: TableFormat; json?: boolean }>

/** `rxargs eval` computes the paper's metrics for runs, side by side. */
export const evalCommand = (terminal: Terminal): Command =>
  measureFlags(
    new Command('eval')
      .description(
        'compute metrics of runs, and compare each run with the first: differences with 95% bootstrap intervals, wins, ties and losses',
      )
      .argument('<runs...>', 'folders written by generate'),
  )
    .option('--format <name>', `table format: ${tableFormats.join(', ')}`, oneOf('format', tableFormats), 'text')
    .option('--json', 'print runs and pairs as JSON')
    .action((runs: readonly string[], flags: Flags) => run(runs, flags, terminal))

async function run(paths: readonly string[], flags: Flags, { stdout, stderr, signal }: Terminal): Promise<void> {
  const rewards = measuredRewards(flags)
  // Report missing runs before models are loaded.
  for (const path of paths) await parquetFiles(path)
  const counts = await Promise.all(paths.map((path) => countRows(path)))

  const progress = startProgress({ stream: stderr })
  for (const path of paths) for (const notice of await strayFiles(path)) progress.say(notice)
  const closing: (() => Promise<void>)[] = []
  try {
    const measures = await loadMeasures(rewards, flags, progress.say, closing)
    signal.throwIfAborted()
    const total = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)
    const runs = await Promise.all(
      paths.map(async (path) => {
        const { rewards: further, kinds } = await runRewards(path)
        const options = { texts: measures.length > 0, rewards: further }
        return { name: folderName(path), rewards: further, kinds, replies: () => readReplies(path, options) }
      }),
    )
    progress.expect(total)
    const evaluation = await evaluate(runs, { measures, seed: flags.seed, signal, onReply: () => progress.skip() })
    progress.end()
    for (const notice of evalNotices(evaluation)) progress.say(notice)
    for (const line of flags.json ? [evalJson(evaluation)] : evalTable(evaluation, flags.format))
      await writeLine(stdout, line, signal)
  } finally {
    progress.end()
    for (const close of closing) await close()
  }
}
