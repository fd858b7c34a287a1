import { Command } from 'commander'
import { score, scoreOptions } from '../../pipelines/evaluation/score.js'
import { rewardFunctions } from '../../pipelines/rewards/rewardByName.js'
import { textRewardOptions } from '../../pipelines/rewards/textReward.js'
import { OptionError } from '../core/errors.js'
import type { Source } from '../core/rewardSource.js'
import { countRows } from '../io/countRows.js'
import { checkOutput } from '../io/outputFolder.js'
import { checkInput } from '../io/prompts/openInput.js'
import { promptColumns, type Template, templates } from '../io/prompts/toPrompt.js'
import { scoredTexts } from '../io/scoredTexts.js'
import { toParquet } from '../io/toParquet.js'
import { type WeightDtype, weightDtypes } from '../models/graph/quantize.js'
import { FP16_NOTICE } from '../models/loadModels.js'
import { embedded } from './flags/embedded.js'
import { DTYPE_HELP, number, oneOf, text, withLabels } from './flags/flags.js'
import { loadRewards } from './flags/loadRewards.js'
import { type OpenedReward, openReward } from './flags/openReward.js'
import { REDO_HELP, resumeOptions } from './flags/resumeOptions.js'
import { type RewardFlag, rewardFlag } from './flags/rewardFlag.js'
import { progress } from './print/progress.js'
import { checkRowLines, type RowLines, rowLineFlags } from './print/rowLines.js'
import { toLines } from './print/toLines.js'
import { inputOf } from './run/inputOf.js'
import { limited } from './run/limited.js'
import { runSummary } from './run/runSummary.js'
import { untilError, watched } from './run/watched.js'
import type { Terminal } from './terminal.js'

type Flags = Readonly<{
  output?: string
  promptColumn?: string
  completionColumn: string
  template: Template
  reward?: RewardFlag
  rewardTimeout?: number
  rewardLabel?: string
  dtype: WeightDtype
  concurrency: number
  limit?: number
  keepInput?: boolean
  force?: boolean
  retryErrors?: boolean
  redoChanged?: boolean
  strict?: boolean
}> &
  RowLines

const { concurrency } = scoreOptions.shape
const FUNCTIONS = Object.keys(rewardFunctions).filter((name) => name !== 'ensemble')

/** `rxargs score`: the reward of texts that are there already. */
export const scoreCommand = (terminal: Terminal): Command =>
  rowLineFlags(new Command('score'))
    .description('the reward of existing texts, as they stand: prompt and completion, no end token added')
    .argument(
      '[input]',
      'JSONL, JSON, CSV (each also as .gz or .zst) or Parquet file, or a folder of part files; - or nothing: standard input',
    )
    .option('-o, --output <folder>', 'folder for Parquet part files; without it rows are JSONL on stdout', text('output'))
    .option('--prompt-column <name>', 'column of the prompt (default: prompt, or messages)', text('prompt-column'))
    .option('--completion-column <name>', 'column of the completion', text('completion-column'), 'completion')
    .option('--template <name>', `what becomes of a prompt: ${templates.join(', ')}`, oneOf('template', templates), 'auto')
    .option(
      '--reward <[name=]reward>',
      `a model's folder, a module (./my-reward.js), a server (NAME=http://…), or a function: ${FUNCTIONS.join(', ')}, with options such as length(target=200) (default: the embedded chat-rm)`,
      rewardFlag,
    )
    .option(
      '--reward-timeout <number>',
      'milliseconds that a module has for one text, a server for a request (default: 30000)',
      number('reward-timeout', textRewardOptions.shape.timeoutMs),
    )
    .option('--reward-label <label>', 'which label of a classifier with several is the reward', text('reward-label'))
    .option('--dtype <name>', DTYPE_HELP, oneOf('dtype', weightDtypes), 'fp32')
    .option('--concurrency <number>', 'texts at the same time', number('concurrency', concurrency), concurrency.parse(undefined))
    .option('--limit <number>', 'only so many texts', number('limit', concurrency))
    .option('--keep-input', "keep the input's own columns, as JSON in the column input")
    .option('--force', 'replace the rows that the folder holds')
    .option('--retry-errors', 'make error rows again')
    .option('--redo-changed', REDO_HELP)
    .option('--strict', 'stop at the first error row')
    .action(async (input: string | undefined, flags: Flags) => run(inputOf(input, terminal), flags, terminal))

type Opened = Omit<OpenedReward, 'origin'> & Readonly<{ origin: () => Promise<Source | undefined> }>

/** Checks what `--reward` names, imports a module, and gives what opens it. A model is loaded by that alone. */
async function opener(flag: RewardFlag, { rewardLabel, rewardTimeout, dtype }: Flags): Promise<() => Promise<Opened>> {
  if (flag.kind === 'model' || flag.kind === 'server') {
    // A model takes no time-out, which this says.
    if (flag.kind === 'model') await loadRewards([flag], rewardTimeout)
    const named = withLabels([flag], rewardLabel === undefined ? [] : [rewardLabel])[0]!
    return () => openReward(named, dtype, rewardTimeout)
  }
  if (rewardLabel !== undefined)
    throw new OptionError(`Expected \`--reward-label\` beside a model or a server, got a ${flag.kind}`)
  const [source] = await loadRewards([flag], rewardTimeout)
  if (typeof source !== 'object' || !('scoreTexts' in source))
    throw new OptionError(`Expected \`--reward\` to be one reward, got \`${flag.path}\`, which is made of others`)
  return async () => ({ source, origin: async () => source.source, notices: [], close: async () => undefined })
}

async function run(input: string, flags: Flags, terminal: Terminal): Promise<void> {
  const { stdin, stdout, stderr, signal } = terminal
  const { output, limit, template, promptColumn, completionColumn, keepInput, dtype } = flags
  const resume = resumeOptions(flags)
  const lines = { ...(flags.text && { text: true }), ...(flags.columns && { columns: flags.columns }) }
  checkRowLines(lines, output)
  await checkInput(input, promptColumns(flags))
  if (output !== undefined) await checkOutput(output)
  const given = flags.reward ?? rewardFlag(embedded('chat-rm'))
  const { path, name } = given
  const open = await opener(given, flags)
  const shown = progress({ stream: stderr })
  shown.say(`${input === '-' ? 'standard input' : input} scored by ${path}`)
  const reward = await open()
  if (dtype === 'fp16') shown.say(FP16_NOTICE)
  for (const notice of reward.notices) shown.say(notice)
  try {
    signal.throwIfAborted()
    const origin = await reward.origin()
    const hashes = origin === undefined ? {} : { [name]: origin }
    const options = { template, promptColumn, completionColumn, keepInput }
    const made = score(
      limited(scoredTexts(input, { ...options, stdin }), limit),
      { reward: reward.source, hashes },
      {
        concurrency: flags.concurrency,
        spec: { template, promptColumn: promptColumn ?? null, completionColumn, keepInput: keepInput ?? false },
      },
    )
    const counting = countRows(input, { needs: [promptColumns(flags), [completionColumn]] })
      .then((count) => count !== undefined && shown.expect(Math.min(count, limit ?? count)))
      .catch(() => undefined) // What is wrong with the input, its reader says.
    shown.begin()
    const all = watched(made, { onSkip: shown.skip, onRow: shown.row })
    const seen = flags.strict ? untilError(all) : all
    const summary =
      output === undefined
        ? await toLines(seen, stdout, { ...lines, signal })
        : await toParquet(output, seen, { ...resume, signal })
    await counting
    shown.end()
    await runSummary({ summary, output, input }, terminal, shown)
  } finally {
    shown.end()
    await reward.close()
  }
}
