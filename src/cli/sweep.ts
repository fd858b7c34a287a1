import { join } from 'node:path'
import { Command } from 'commander'
import { combineScoreOptions } from '../../operators/combineScore.js'
import { argsOptions } from '../../pipelines/decoders/args.js'
import { type SweepPoint, sweep, sweepPoints } from '../../pipelines/sweep.js'
import { OptionError } from '../core/errors.js'
import { checkOutput } from '../io/outputFolder.js'
import { checkInput } from '../io/prompts/openInput.js'
import { promptColumns } from '../io/prompts/toPrompt.js'
import { readReplies } from '../io/readReplies.js'
import { toParquet } from '../io/toParquet.js'
import { loadModels } from '../models/loadModels.js'
import { type ChosenDecoder, chosenDecoder } from './chosenDecoder.js'
import { type CoherenceFlags, checkCoherence, coherenceFlags, loadCoherence } from './coherence.js'
import { shown as digits } from './evalTable.js'
import { list, number, oneOf, text } from './flags.js'
import { formatTable, type TableFormat, tableFormats } from './formatTable.js'
import { decodingFlags, type GivenFlags, settingsOf } from './generateFlags.js'
import { generateRun } from './generateRun.js'
import { loadRewards } from './loadRewards.js'
import { progress } from './progress.js'
import { sweepCells, sweepJson, writeFigures } from './sweepFigures.js'
import { type Terminal, writeLine } from './terminal.js'

type Flags = Omit<GivenFlags, 'k' | 'weight' | 'output'> &
  CoherenceFlags &
  Readonly<{
    output: string
    k: readonly number[]
    weight: readonly number[]
    format: TableFormat
    json?: boolean
  }>

/** What is swept unless it is said. */
const [KS, WEIGHTS] = [
  [5, 10, 20],
  [0, 0.5, 1, 1.5, 2],
]
const schemas = { k: argsOptions.shape.k, weight: combineScoreOptions.shape.weight }
const commas = (values: readonly number[]): string => values.join(',')

/** `rxargs sweep`: the paper's Figure 2. */
export const sweepCommand = (terminal: Terminal): Command =>
  coherenceFlags(
    decodingFlags(
      new Command('sweep')
        .argument('<input>', 'file with prompts: JSONL, JSON, CSV or Parquet')
        .requiredOption('-o, --output <folder>', 'folder for the runs, a folder each, their figures and plots', text('output')),
      {
        k: { value: 'numbers', about: `candidates a step, with commas between (default: ${commas(KS)})` },
        weight: { value: 'numbers', about: `weights of the first reward, with commas between (default: ${commas(WEIGHTS)})` },
      },
    ),
  )
    .description('decode prompts with every weight and every k, a run each; then metrics, and plots against the weight')
    .option('--format <name>', tableFormats.join(', '), oneOf('format', tableFormats), 'text')
    .option('--json', 'print JSON: the points with their figures')
    .action((input: string, { k, weight, ...flags }: Omit<Flags, 'k' | 'weight'> & { k?: string; weight?: string }) => {
      const numbers = (flag: 'k' | 'weight', given: string) => list(number(flag, schemas[flag]))(given)
      return run(
        input,
        { ...flags, k: numbers('k', k ?? commas(KS)), weight: numbers('weight', weight ?? commas(WEIGHTS)) },
        terminal,
      )
    })

async function run(input: string, flags: Flags, terminal: Terminal): Promise<void> {
  const { stdout, stderr, signal } = terminal
  const { output, encoder, pooling, k, weight, ...given } = flags
  if (input === '-') throw new OptionError('Expected a file of prompts, which is read once a point, got standard input')
  checkCoherence(flags)
  const points = sweepPoints(k, weight)
  const settings = settingsOf({ ...given, output })
  const { lm, dtype, device, force, retryErrors, redoChanged } = settings
  const rewards = await loadRewards(settings.rewards, settings.rewardTimeout)
  const chosen = new Map<SweepPoint, ChosenDecoder>()
  for (const point of points)
    chosen.set(point, await chosenDecoder({ ...given, k: String(point.k), weight: String(point.weight) }))
  const further = settings.rewards.slice(1).map(({ name }) => name)
  await checkInput(input, promptColumns(flags))
  await checkOutput(output)

  const shown = progress({ stream: stderr })
  const models = await loadModels({ lm, reward: rewards, dtype, device, onNotice: shown.say })
  const coherence = await loadCoherence({ encoder, pooling }, shown.say)
  try {
    signal.throwIfAborted()
    const rows = await sweep(points, {
      runOf: (point) => generateRun(input, settings, chosen.get(point)!, models, shown, terminal),
      write: async (point, rowsOfPoint) => {
        const { written, errors, skipped } = await toParquet(join(output, point.name), rowsOfPoint, {
          force,
          retryErrors,
          redoChanged,
          signal,
        })
        shown.say(`${point.name}: ${written} rows written, ${errors} of them error rows; ${skipped} there before`)
      },
      repliesOf: ({ name }) => readReplies(join(output, name), { texts: coherence !== undefined, rewards: further }),
      rewards: further,
      measures: coherence === undefined ? [] : [coherence.measure],
      signal,
    })
    shown.end()
    for (const line of shown.errors()) shown.say(line)
    for (const path of await writeFigures(output, rows)) shown.say(path)
    for (const line of flags.json ? [sweepJson(rows)] : formatTable(sweepCells(rows, digits), flags.format))
      await writeLine(stdout, line, signal)
  } finally {
    shown.end()
    await coherence?.close()
    await models.close()
  }
}
