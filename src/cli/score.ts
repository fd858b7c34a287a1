import { Command } from 'commander'
import { score, scoreOptions } from '../../pipelines/score.js'
import { countRows } from '../io/countRows.js'
import { checkInput } from '../io/prompts/openInput.js'
import { promptColumns, type Template, templates } from '../io/prompts/toPrompt.js'
import { scoredTexts } from '../io/scoredTexts.js'
import { toParquet } from '../io/toParquet.js'
import { type WeightDtype, weightDtypes } from '../models/graph/quantize.js'
import { FP16_NOTICE } from '../models/loadModels.js'
import { embedded } from './embedded.js'
import { REDO_HELP, resumeOptions } from './flags/resumeOptions.js'
import { DTYPE_HELP, type NamedPath, namedPath, number, oneOf, text, withLabels } from './flags.js'
import { inputOf } from './inputOf.js'
import { limited } from './limited.js'
import { openReward } from './openReward.js'
import { progress } from './progress.js'
import { checkRowLines, type RowLines, rowLineFlags } from './rowLines.js'
import { runSummary } from './runSummary.js'
import type { Terminal } from './terminal.js'
import { toLines } from './toLines.js'
import { untilError, watched } from './watched.js'

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
  redoChanged?: boolean
  strict?: boolean
}> &
  RowLines

const { concurrency } = scoreOptions.shape

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
    .option('--redo-changed', REDO_HELP)
    .option('--strict', 'stop at the first error row')
    .action(async (input: string | undefined, flags: Flags) => run(inputOf(input, terminal), flags, terminal))

async function run(input: string, flags: Flags, terminal: Terminal): Promise<void> {
  const { stdin, stdout, stderr, signal } = terminal
  const { output, limit, template, promptColumn, completionColumn, keepInput, dtype } = flags
  const resume = resumeOptions(flags)
  const lines = { ...(flags.text && { text: true }), ...(flags.columns && { columns: flags.columns }) }
  checkRowLines(lines, output)
  await checkInput(input, promptColumns(flags))
  const given = flags.reward ?? { path: embedded('chat-rm') }
  const named = withLabels([given], flags.rewardLabel === undefined ? [] : [flags.rewardLabel])[0]!
  const { path, name } = named
  const shown = progress({ stream: stderr })
  shown.say(`${input === '-' ? 'standard input' : input} scored by ${path}`)
  const reward = await openReward(named, dtype)
  if (dtype === 'fp16') shown.say(FP16_NOTICE)
  for (const notice of reward.notices) shown.say(notice)
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
