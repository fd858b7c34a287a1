import { Command } from 'commander'
import { score, scoreOptions } from '../../pipelines/evaluation/score.js'
import { OptionError } from '../core/errors.js'
import { countRows } from '../io/countRows.js'
import { checkInput } from '../io/prompts/readRecords.js'
import { type Template, templates } from '../io/prompts/toPrompt.js'
import { scoredTexts } from '../io/scoredTexts.js'
import { toParquet } from '../io/toParquet.js'
import { type WeightDtype, weightDtypes } from '../models/graph/quantize.js'
import { FP16_NOTICE } from '../models/loadModels.js'
import { embedded } from './flags/embedded.js'
import { DTYPE_HELP, type NamedPath, namedPath, number, oneOf, text, withLabels } from './flags/flags.js'
import { openReward } from './flags/openReward.js'
import { progress } from './print/progress.js'
import { toLines } from './print/toLines.js'
import { inputOf } from './run/inputOf.js'
import { limited } from './run/limited.js'
import { runSummary } from './run/runSummary.js'
import { watched } from './run/watched.js'
import type { Terminal } from './terminal.js'

type Flags = Readonly<{
  output?: string
  promptColumn?: string
  completionColumn: string
  template: Template
  reward?: NamedPath
  rewardLabel?: string
  dtype: WeightDtype
  concurrency: number
  limit?: number
  keepInput?: boolean
  force?: boolean
  retryErrors?: boolean
}>

const { concurrency } = scoreOptions.shape

/** `rxargs score`: the reward of texts that are there already. */
export const scoreCommand = (terminal: Terminal): Command =>
  new Command('score')
    .description('the reward of existing texts, as they stand: prompt and completion, no end token added')
    .argument('[input]', 'JSONL or Parquet file, or a folder of part files; - or nothing: JSONL on standard input')
    .option('-o, --output <folder>', 'folder for Parquet part files; without it rows are JSONL on stdout', text('output'))
    .option('--prompt-column <name>', 'column of the prompt (default: prompt, or messages)', text('prompt-column'))
    .option('--completion-column <name>', 'column of the completion', text('completion-column'), 'completion')
    .option('--template <name>', `what becomes of a prompt: ${templates.join(', ')}`, oneOf('template', templates), 'auto')
    .option(
      '--reward <[name=]reward>',
      "a model's folder, or a server (NAME=http://…; default: the embedded chat-rm)",
      namedPath('reward'),
    )
    .option('--reward-label <label>', 'which label of a classifier with several is the reward', text('reward-label'))
    .option('--dtype <name>', DTYPE_HELP, oneOf('dtype', weightDtypes), 'fp32')
    .option('--concurrency <number>', 'texts at the same time', number('concurrency', concurrency), concurrency.parse(undefined))
    .option('--limit <number>', 'only so many texts', number('limit', concurrency))
    .option('--keep-input', "keep the input's own columns, as JSON in the column input")
    .option('--force', 'replace the rows that the folder holds')
    .option('--retry-errors', 'make error rows again')
    .action(async (input: string | undefined, flags: Flags) => run(inputOf(input, terminal), flags, terminal))

async function run(input: string, flags: Flags, terminal: Terminal): Promise<void> {
  const { stdin, stdout, stderr, signal } = terminal
  const { output, force = false, retryErrors = false, limit, template, promptColumn, completionColumn, keepInput, dtype } = flags
  if ((force || retryErrors) && output === undefined) {
    throw new OptionError(`Expected \`--output\` beside \`--${force ? 'force' : 'retry-errors'}\`, got none`)
  }
  if (force && retryErrors) throw new OptionError('Expected `--force` or `--retry-errors`, got both')
  await checkInput(input)
  const given = flags.reward ?? { path: embedded('chat-rm') }
  const named = withLabels([given], flags.rewardLabel === undefined ? [] : [flags.rewardLabel])[0]!
  const { path, name } = named
  const shown = progress({ stream: stderr })
  shown.say(`${input === '-' ? 'standard input' : input} scored by ${path}`)
  const reward = await openReward(named, dtype)
  if (dtype === 'fp16') shown.say(FP16_NOTICE)
  if (reward.notice !== undefined) shown.say(reward.notice)
  try {
    signal.throwIfAborted()
    const hashes = { [name]: await reward.origin() }
    const options = { template, promptColumn, completionColumn, keepInput }
    const made = score(
      limited(scoredTexts(input, { ...options, stdin }), limit),
      { reward: reward.source, hashes },
      {
        concurrency: flags.concurrency,
        spec: { template, promptColumn: promptColumn ?? null, completionColumn, keepInput: keepInput ?? false },
      },
    )
    const counting = countRows(input)
      .then((count) => count !== undefined && shown.expect(Math.min(count, limit ?? count)))
      .catch(() => undefined) // What is wrong with the input, its reader says.
    const seen = watched(made, { onSkip: shown.skip, onRow: shown.row })
    const summary =
      output === undefined ? await toLines(seen, stdout, signal) : await toParquet(output, seen, { force, retryErrors, signal })
    await counting
    shown.end()
    await runSummary({ summary, output, input }, terminal, shown)
  } finally {
    shown.end()
    await reward.close()
  }
}
