import { Command } from 'commander'
import { score, scoreOptions } from '../../pipelines/evaluation/score.js'
import { rewardFunctions } from '../../pipelines/rewards/rewardByName.js'
import { textRewardOptions } from '../../pipelines/rewards/textReward.js'
import { OptionError } from '../core/errors.js'
import type { Source } from '../core/rewardSource.js'
import { countRows } from '../io/countRows.js'
import { checkInput } from '../io/prompts/openInput.js'
import { promptColumns, type Template, templates } from '../io/prompts/toPrompt.js'
import { scoredTexts } from '../io/scoredTexts.js'
import { openStore } from '../io/stores/openStore.js'
import { checkEngine } from '../models/gpuNeeds.js'
import { BASE_HELP, onBase } from './flags/adapterFlags.js'
import { embeddedPath } from './flags/embeddedPath.js'
import { type EngineFlags, engineFlags, engineOf, localRewards } from './flags/engineFlags.js'
import { END_TOKEN_HELP, number, oneOf, text, withLabels } from './flags/flags.js'
import { INPUT_HELP, type RowFlags, rowFlags } from './flags/inputFlags.js'
import { loadRewards } from './flags/loadRewards.js'
import { type OpenedReward, openReward } from './flags/openReward.js'
import { type OutputFlags, outputFlags, partPolicy } from './flags/outputFlags.js'
import { resumeOptions } from './flags/resumeOptions.js'
import { type RewardFlag, rewardFlag } from './flags/rewardFlag.js'
import { type WatchFlags, watchFlags } from './flags/watchFlags.js'
import { checkRowLines, type RowLines, rowLineFlags } from './print/rowLines.js'
import { describeInput, inputOf } from './run/inputOf.js'
import { stopAtError } from './run/stopAtError.js'
import { takeFirst } from './run/takePrompts.js'
import { withWatch } from './run/watch.js'
import { writeOutput } from './run/writeOutput.js'
import type { Terminal } from './terminal.js'

type Flags = Readonly<{
  promptColumn?: string
  completionColumn: string
  template: Template
  reward?: RewardFlag
  rewardTimeout?: number
  rewardLabel?: string
  endToken?: string
  base?: string
  concurrency: number
  limit?: number
  keepInput?: boolean
}> &
  EngineFlags &
  RowFlags &
  OutputFlags &
  RowLines &
  WatchFlags

const { concurrency } = scoreOptions.shape
const FUNCTIONS = Object.keys(rewardFunctions).filter((name) => name !== 'ensemble')

/** `rxargs score` computes the reward of existing texts. */
export const scoreCommand = (terminal: Terminal): Command =>
  rowFlags(
    watchFlags(outputFlags(engineFlags(rowLineFlags(new Command('score')))))
      .description('compute the reward of existing texts, prompts with completions')
      .argument('[input]', `texts: ${INPUT_HELP}`)
      .option('--prompt-column <name>', 'column with the prompt (default: prompt, or messages)', text('prompt-column'))
      .option('--completion-column <name>', 'column with the completion', text('completion-column'), 'completion')
      .option('--template <name>', `prompt format: ${templates.join(', ')}`, oneOf('template', templates), 'auto')
      .option(
        '--reward <[name=]reward>',
        `model folder, GGUF file, LoRA adapter, module (./my-reward.js), server (NAME=http://…), or function: ${FUNCTIONS.join(', ')}, with options such as length(target=200) (default: the embedded chat-rm)`,
        rewardFlag,
      )
      .option(
        '--reward-timeout <number>',
        'time limit in milliseconds: for a module per text, for a server per request (default: 30000)',
        number('reward-timeout', textRewardOptions.shape.timeoutMs),
      )
      .option('--base <model>', BASE_HELP, text('base'))
      .option('--reward-label <label>', 'label of the classifier to use as the reward, if it has several', text('reward-label'))
      .option('--end-token <token>', END_TOKEN_HELP, text('end-token'))
      .option(
        '--concurrency <number>',
        'texts to score at the same time',
        number('concurrency', concurrency),
        concurrency.parse(undefined),
      )
      .option('--limit <number>', 'score at most this many texts', number('limit', concurrency))
      .option('--keep-input', "also store the input's own columns, as JSON in the column input"),
    'score',
  ).action(async (input: string | undefined, flags: Flags) => run(inputOf(input, terminal), flags, terminal))

type Opened = Omit<OpenedReward, 'origin'> & Readonly<{ origin: () => Promise<Source | undefined> }>

/** Checks `--reward` and imports its module. The function that it gives opens the reward, which loads a model. */
async function prepareReward(
  flag: RewardFlag,
  { rewardLabel, rewardTimeout, device, dtype, cache }: Flags,
): Promise<(say: (notice: string) => void) => Promise<Opened>> {
  const engine = { device, dtype, cache }
  checkEngine(flag.kind === 'model' ? localRewards([flag]) : [], engine)
  if (flag.kind === 'model' || flag.kind === 'server') {
    // Refuses a time limit for a model.
    if (flag.kind === 'model') await loadRewards([flag], rewardTimeout)
    const named = withLabels([flag], rewardLabel === undefined ? [] : [rewardLabel])[0]!
    return async (say) => openReward(named, await engineOf(engine, say, localRewards([named])), rewardTimeout)
  }
  if (rewardLabel !== undefined)
    throw new OptionError(`Expected \`--reward-label\` beside a model or a server, got a ${flag.kind}`)
  const [source] = await loadRewards([flag], rewardTimeout)
  if (typeof source !== 'object' || !('scoreTexts' in source))
    throw new OptionError(`Expected \`--reward\` to be one reward, got \`${flag.path}\`, which combines others`)
  return async () => ({ source, origin: async () => source.source, notices: [], close: async () => undefined })
}

async function run(input: string, flags: Flags, terminal: Terminal): Promise<void> {
  const { stdin, signal } = terminal
  const { output, limit, template, promptColumn, completionColumn, keepInput } = flags
  const resume = resumeOptions(flags)
  const lines = { ...(flags.text && { text: true }), ...(flags.columns && { columns: flags.columns }) }
  checkRowLines(lines, output)
  const policy = partPolicy(flags)
  await checkInput(input, promptColumns(flags))
  if (output !== undefined) await openStore(output).check()
  const [flag] = onBase([flags.reward ?? rewardFlag(embeddedPath('chat-rm'))], flags.base)
  const { path, name } = flag
  const open = await prepareReward(flag, flags)
  const running = { input: describeInput(input), output, device: flags.device, dtype: flags.dtype }
  return withWatch(flags, running, terminal, async ({ progress, onPart }) => {
    progress.say(`${describeInput(input)} scored by ${path}`)
    const reward = await open(progress.say)
    for (const notice of reward.notices) progress.say(notice)
    try {
      signal.throwIfAborted()
      const origin = await reward.origin()
      const hashes = origin === undefined ? {} : { [name]: origin }
      const options = { template, promptColumn, completionColumn, keepInput, onError: flags.onError }
      const made = score(
        takeFirst(scoredTexts(input, { ...options, stdin }), limit),
        { reward: reward.source, hashes },
        {
          concurrency: flags.concurrency,
          endToken: flags.endToken,
          keepInput: keepInput ?? false,
          spec: { template, promptColumn: promptColumn ?? null, completionColumn },
          observe: progress.observers,
        },
      )
      const counting = countRows(input, { needs: [promptColumns(flags), [completionColumn]] })
        .then((count) => count !== undefined && progress.expect(Math.min(count, limit ?? count)))
        .catch(() => undefined) // The reader reports errors of the input.
      progress.begin()
      const rows = flags.strict ? stopAtError(made) : made
      await writeOutput(rows, { input, output, lines, parts: { ...resume, policy, onPart }, counting }, terminal, progress)
    } finally {
      progress.end()
      await reward.close()
    }
  })
}
