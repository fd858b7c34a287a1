import { Command } from 'commander'
import { evaluate } from '../../pipelines/evaluation/evaluate.js'
import { countRows } from '../io/countRows.js'
import { readReplies, runRewards } from '../io/readReplies.js'
import { oneOf } from './flags/flags.js'
import { evalJson, evalNotices, evalTable } from './print/evalTable.js'
import { type TableFormat, tableFormats } from './print/formatTable.js'
import { progress } from './print/progress.js'
import { loadMeasures, type MeasureFlags, measuredRewards, measureFlags } from './run/evalMeasures.js'
import { folderName } from './run/folderName.js'
import { type Terminal, writeLine } from './terminal.js'

type Flags = MeasureFlags & Readonly<{ format: TableFormat; json?: boolean }>

/** `rxargs eval`: the paper's metrics of runs, side by side. */
export const evalCommand = (terminal: Terminal): Command =>
  measureFlags(
    new Command('eval')
      .description('metrics of runs, and each run beside the first: differences with 95% bootstrap intervals, win, tie and lose')
      .argument('<runs...>', 'folders that generate wrote'),
  )
    .option('--format <name>', tableFormats.join(', '), oneOf('format', tableFormats), 'text')
    .option('--json', 'print JSON: runs and pairs')
    .action((runs: readonly string[], flags: Flags) => run(runs, flags, terminal))

async function run(paths: readonly string[], flags: Flags, { stdout, stderr, signal }: Terminal): Promise<void> {
  const rewards = measuredRewards(flags)
  // What is not there is said before models are loaded.
  const counts = await Promise.all(paths.map((path) => countRows(path)))

  const shown = progress({ stream: stderr })
  const closing: (() => Promise<void>)[] = []
  try {
    const measures = await loadMeasures(rewards, flags, shown.say, closing)
    signal.throwIfAborted()
    const total = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)
    const runs = await Promise.all(
      paths.map(async (path) => {
        const { rewards: further, kinds } = await runRewards(path)
        const options = { texts: measures.length > 0, rewards: further }
        return { name: folderName(path), rewards: further, kinds, replies: () => readReplies(path, options) }
      }),
    )
    shown.expect(total)
    const evaluation = await evaluate(runs, { measures, seed: flags.seed, signal, onReply: () => shown.skip() })
    shown.end()
    for (const notice of evalNotices(evaluation)) shown.say(notice)
    for (const line of flags.json ? [evalJson(evaluation)] : evalTable(evaluation, flags.format))
      await writeLine(stdout, line, signal)
  } finally {
    shown.end()
    for (const close of closing) await close()
  }
}
