import { join } from 'node:path'
import { Command } from 'commander'
import { type SweepPoint, sweep, sweepPoints } from '../../pipelines/evaluation/sweep.js'
import { OptionError } from '../core/errors.js'
import { checkOutput } from '../io/outputFolder.js'
import { checkInput } from '../io/prompts/openInput.js'
import { promptColumns } from '../io/prompts/toPrompt.js'
import { readReplies } from '../io/readReplies.js'
import { toParquet } from '../io/toParquet.js'
import { loadModels } from '../models/loadModels.js'
import { type ChosenDecoder, chooseDecoder } from './flags/chooseDecoder.js'
import { oneOf, text } from './flags/flags.js'
import { decodingFlags, type GivenFlags, settingsOf } from './flags/generateFlags.js'
import { type Grid, type GridFlags, gridHelp, gridOf } from './flags/gridFlags.js'
import { loadRewards } from './flags/loadRewards.js'
import { type WatchFlags, watchFlags } from './flags/watchFlags.js'
import { formatFigure as digits } from './print/evalTable.js'
import { formatTable, type TableFormat, tableFormats } from './print/formatTable.js'
import { sweepCells, sweepJson, writeFigures } from './print/sweepFigures.js'
import { type CoherenceFlags, checkCoherence, coherenceFlags, loadCoherence } from './run/coherence.js'
import { generateRun } from './run/generateRun.js'
import { withWatch } from './run/watch.js'
import { type Terminal, writeLine } from './terminal.js'

type Flags = Omit<GivenFlags, keyof Grid | 'output'> &
  WatchFlags &
  CoherenceFlags &
  Grid &
  Readonly<{
    output: string
    format: TableFormat
    json?: boolean
  }>

/** The grid if nothing else is said. */
const GRID: Grid = { k: [5, 10, 20], weight: [0, 0.5, 1, 1.5, 2] }

/** `rxargs sweep` makes the paper's Figure 2. */
export const sweepCommand = (terminal: Terminal): Command =>
  watchFlags(
    coherenceFlags(
      decodingFlags(
        new Command('sweep')
          .argument('<input>', 'file with prompts: JSONL, JSON, CSV or Parquet')
          .requiredOption('-o, --output <folder>', 'folder for one folder per run, the figures and the plots', text('output')),
        gridHelp({ k: 'candidates per step', weight: 'weights of the first reward' }, GRID),
      ),
    ),
  )
    .description('decode prompts with each combination of weight and k, then compute metrics and plot them against the weight')
    .option('--format <name>', `table format: ${tableFormats.join(', ')}`, oneOf('format', tableFormats), 'text')
    .option('--json', 'print the points with their figures as JSON')
    .action((input: string, flags: Omit<Flags, keyof Grid> & GridFlags) =>
      run(input, { ...flags, ...gridOf(flags, GRID) }, terminal),
    )

async function run(input: string, flags: Flags, terminal: Terminal): Promise<void> {
  const { stdout, signal } = terminal
  const { output, encoder, pooling, k, weight, ...rest } = flags
  if (input === '-') throw new OptionError('Expected a file with prompts, because each point reads it again, got standard input')
  checkCoherence(flags)
  const points = sweepPoints(k, weight)
  const settings = settingsOf({ ...rest, output })
  const { lm, lms, engine, force, retryErrors, redoChanged } = settings
  const rewards = await loadRewards(settings.rewards, settings.rewardTimeout)
  const chosen = new Map<SweepPoint, ChosenDecoder>()
  for (const point of points)
    chosen.set(point, await chooseDecoder({ ...rest, k: String(point.k), weight: String(point.weight) }))
  const further = settings.rewards.slice(1).map(({ name }) => name)
  await checkInput(input, promptColumns(flags))
  await checkOutput(output)

  return withWatch(flags, { input, output, ...engine }, terminal, async ({ progress, load, onPart }) => {
    const models = await loadModels({ lm, lms, reward: rewards, ...engine, ...load, onNotice: progress.say })
    const coherence = await loadCoherence({ encoder, pooling }, progress.say)
    try {
      signal.throwIfAborted()
      const rows = await sweep(points, {
        runOf: (point) => generateRun(input, settings, chosen.get(point)!, models, progress, terminal),
        write: async (point, rowsOfPoint) => {
          const { written, errors, skipped } = await toParquet(join(output, point.name), rowsOfPoint, {
            onNotice: progress.say,
            force,
            retryErrors,
            redoChanged,
            signal,
            ...(onPart && { onPart }),
          })
          progress.say(`${point.name}: ${written} rows written (${errors} error rows), ${skipped} from earlier runs`)
        },
        repliesOf: ({ name }) => readReplies(join(output, name), { texts: coherence !== undefined, rewards: further }),
        rewards: further,
        measures: coherence === undefined ? [] : [coherence.measure],
        signal,
      })
      progress.end()
      for (const line of progress.errors()) progress.say(line)
      for (const path of await writeFigures(output, rows)) progress.say(path)
      for (const line of flags.json ? [sweepJson(rows)] : formatTable(sweepCells(rows, digits), flags.format))
        await writeLine(stdout, line, signal)
    } finally {
      progress.end()
      await coherence?.close()
      await models.close()
    }
  })
}
