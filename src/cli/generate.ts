import { Command } from 'commander'
import { weightsOf } from '../../pipelines/perReward.js'
import { checkOutput } from '../io/outputFolder.js'
import { checkInput } from '../io/prompts/openInput.js'
import { promptColumns } from '../io/prompts/toPrompt.js'
import { toParquet } from '../io/toParquet.js'
import { loadModels } from '../models/loadModels.js'
import { type ChosenDecoder, chosenDecoder } from './chosenDecoder.js'
import { dryRun } from './dryRun.js'
import { type GenerateFlags, type GivenFlags, generateFlags, settingsOf } from './generateFlags.js'
import { expectRows, generateRun } from './generateRun.js'
import { inputOf } from './inputOf.js'
import { lmSaid } from './lmFlag.js'
import { loadRewards } from './loadRewards.js'
import { plainPrompts } from './plainPrompts.js'
import { progress } from './progress.js'
import { functionReward } from './rewardFlag.js'
import { checkRowLines, type RowLines, rowLineFlags } from './rowLines.js'
import { runSummary } from './runSummary.js'
import type { Terminal } from './terminal.js'
import { toLines } from './toLines.js'

/** `rxargs generate`: prompts in, rows out. */
export const generateCommand = (terminal: Terminal): Command =>
  rowLineFlags(generateFlags(new Command('generate')))
    .description('decode prompts, steered by a reward; the same command again goes on where it stopped')
    .action(async (input: string | undefined, flags: GivenFlags & RowLines) =>
      run(inputOf(input, terminal), settingsOf(flags), await chosenDecoder(flags), flags, terminal),
    )

async function run(
  input: string,
  flags: GenerateFlags,
  chosen: ChosenDecoder,
  { text, columns }: RowLines,
  terminal: Terminal,
): Promise<void> {
  const { stdout, stderr, signal } = terminal
  const { about, weight } = chosen
  const { output, force, retryErrors, redoChanged } = flags
  const lines = { ...(text && { text }), ...(columns && { columns }) }
  checkRowLines(lines, output)
  const named = flags.rewards.map((each) => (each.kind === 'function' && each.of === 'ensemble' ? functionReward(each) : each))
  weightsOf(named, weight ?? {})
  await checkInput(input, promptColumns(flags))
  const rewards = await loadRewards(flags.rewards, flags.rewardTimeout)
  if (flags.dryRun) return dryRun(input, flags, about, terminal)
  if (output !== undefined) await checkOutput(output)

  const shown = progress({ stream: stderr })
  shown.say(
    `${input === '-' ? 'standard input' : input} with ${about}; ${[lmSaid(flags.lm), ...Object.values(flags.lms), ...flags.rewards.map(({ path }) => path)].join(', ')}`,
  )
  const models = await loadModels({
    lm: flags.lm,
    lms: flags.lms,
    reward: rewards,
    dtype: flags.dtype,
    device: flags.device,
    onNotice: shown.say,
  })
  try {
    signal.throwIfAborted()
    const { template, dataset } = flags
    const isPlain = template === 'auto' && dataset === undefined
    const rows = generateRun(input, flags, chosen, models, shown, terminal, (prompts) =>
      isPlain ? plainPrompts(prompts, models.lm.codec, shown.say) : prompts,
    )
    const counting = expectRows(input, flags, shown)
    const summary =
      output === undefined
        ? await toLines(rows, stdout, { ...lines, signal })
        : await toParquet(output, rows, { force, retryErrors, redoChanged, signal })
    await counting
    shown.end()
    await runSummary({ summary, output, input }, terminal, shown)
  } finally {
    shown.end()
    await models.close()
  }
}
