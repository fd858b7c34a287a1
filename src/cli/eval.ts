import { availableParallelism } from 'node:os'
import { Command } from 'commander'
import { type Evaluation, evaluate } from '../../pipelines/evaluate.js'
import { generateOptions } from '../../pipelines/generate.js'
import { coherenceMeasure, type Measure, perplexityMeasure, rewardMeasure } from '../../pipelines/measures.js'
import { OptionError } from '../core/errors.js'
import { countRows } from '../io/countRows.js'
import { furtherRewards, readReplies } from '../io/readReplies.js'
import { batchedLanguageModel } from '../models/batchedModels.js'
import { type WeightDtype, weightDtypes } from '../models/graph/quantize.js'
import { encoderPoolings, loadEncoder } from '../models/loadEncoder.js'
import { loadModel } from '../models/loadModel.js'
import { FP16_NOTICE } from '../models/loadModels.js'
import { isHttp } from '../models/remote/httpAddress.js'
import { evalJson, evalTable } from './evalTable.js'
import { DTYPE_HELP, type NamedPath, namedPath, number, oneOf, repeated, text, withLabels } from './flags.js'
import { type TableFormat, tableFormats } from './formatTable.js'
import { openReward } from './openReward.js'
import { progress } from './progress.js'
import { runName } from './runName.js'
import { type Terminal, writeLine } from './terminal.js'

type Flags = Readonly<{
  rewardModel?: readonly NamedPath[]
  rewardLabel?: readonly string[]
  lm?: string
  encoder?: string
  pooling?: (typeof encoderPoolings)[number]
  dtype: WeightDtype
  seed: number
  format: TableFormat
  json?: boolean
}>

const MAX_BATCH = 64
const { seed } = generateOptions.shape

/** `rxargs eval`: the paper's metrics of runs, side by side. */
export const evalCommand = (terminal: Terminal): Command =>
  new Command('eval')
    .description('metrics of runs, and each run beside the first: differences with 95% bootstrap intervals, win, tie and lose')
    .argument('<runs...>', 'folders that generate wrote')
    .option(
      '--reward-model <[name=]reward>',
      'score the replies with this reward model, too, or with a server (NAME=http://…); repeatable',
      repeated(namedPath('reward-model')),
    )
    .option(
      '--reward-label <[name=]label>',
      'which label of a reward model with several is the reward',
      repeated(text('reward-label')),
    )
    .option('--lm <folder>', 'perplexity under this language model; costs as much as decoding the replies greedily', text('lm'))
    .option(
      '--encoder <folder>',
      'coherence: cosine of the embeddings of prompt and completion, by this encoder',
      text('encoder'),
    )
    .option(
      '--pooling <name>',
      `what an embedding is made of: ${encoderPoolings.join(', ')} (default: mean)`,
      oneOf('pooling', encoderPoolings),
    )
    .option('--dtype <name>', DTYPE_HELP, oneOf('dtype', weightDtypes), 'fp32')
    .option('--seed <number>', 'seed of the bootstrap', number('seed', seed), seed.parse(undefined))
    .option('--format <name>', tableFormats.join(', '), oneOf('format', tableFormats), 'text')
    .option('--json', 'print JSON: runs and pairs')
    .action((runs: readonly string[], flags: Flags) => run(runs, flags, terminal))

async function run(paths: readonly string[], flags: Flags, { stdout, stderr, signal }: Terminal): Promise<void> {
  const { rewardModel = [], rewardLabel, lm, encoder, pooling, dtype, json } = flags
  if (pooling !== undefined && encoder === undefined) throw new OptionError('Expected `--encoder` beside `--pooling`, got none')
  const rewards = withLabels(rewardModel, rewardLabel)
  const names = rewards.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new OptionError(`Expected each reward model to have a name of its own, got \`${twice}\` twice`)
  // What is not there is said before models are loaded.
  const counts = await Promise.all(paths.map(countRows))

  const shown = progress({ stream: stderr })
  const closing: (() => Promise<void>)[] = []
  const threads = availableParallelism()
  try {
    if (dtype === 'fp16' && (lm !== undefined || rewards.length > 0)) shown.say(FP16_NOTICE)
    const measures: Measure[] = []
    for (const reward of rewards) {
      const loaded = await openReward(reward, dtype)
      closing.push(loaded.close)
      if (loaded.notice !== undefined) shown.say(loaded.notice)
      measures.push(rewardMeasure(loaded.source))
    }
    if (lm !== undefined) {
      if (isHttp(lm))
        throw new OptionError('Perplexity needs the logits of all tokens, which a server does not give: expected a folder')
      const loaded = await loadModel(lm, { head: 'lm', role: 'lm', dtype, threads })
      closing.push(() => loaded.worker.close())
      measures.push(perplexityMeasure(batchedLanguageModel(loaded, MAX_BATCH)))
    }
    if (encoder !== undefined) {
      const loaded = await loadEncoder(encoder, { pooling })
      closing.push(loaded.close)
      measures.push(coherenceMeasure(loaded))
    }
    signal.throwIfAborted()
    const total = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)
    const runs = await Promise.all(
      paths.map(async (path) => {
        const further = await furtherRewards(path)
        const options = { texts: measures.length > 0, rewards: further }
        return { name: runName(path), rewards: further, replies: () => readReplies(path, options) }
      }),
    )
    shown.expect(total)
    const evaluation = await evaluate(runs, { measures, seed: flags.seed, signal, onReply: () => shown.skip() })
    shown.end()
    for (const notice of noticesOf(evaluation)) shown.say(notice)
    for (const line of json ? [evalJson(evaluation)] : evalTable(evaluation, flags.format)) await writeLine(stdout, line, signal)
  } finally {
    shown.end()
    for (const close of closing) await close()
  }
}

/** What was left out, and why the numbers of rows differ. */
function noticesOf({ metrics, runs, pairs }: Evaluation): string[] {
  const rows = (count: number): string => `${count} ${count === 1 ? 'row' : 'rows'}`
  return [
    ...runs.flatMap(({ name, errors }) => (errors > 0 ? [`${name}: ${rows(errors)} that ended in an error left out`] : [])),
    ...runs.flatMap(({ name, rows: all, counts }) =>
      metrics
        .filter((metric) => counts[metric]! < all)
        .map((metric) => `${name}: ${metric} of ${counts[metric]} of ${rows(all)}, the others have none`),
    ),
    ...pairs.flatMap(({ name, against, rows: shared, onlyHere, onlyThere }) =>
      onlyHere + onlyThere > 0
        ? [`${name} and ${against} share ${rows(shared)}; ${onlyHere} and ${onlyThere} more are not compared`]
        : [],
    ),
  ]
}
