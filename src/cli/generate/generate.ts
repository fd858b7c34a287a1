import { Command } from 'commander'
import { weightsOf } from '../../../pipelines/decoding/perReward.js'
import { checkInput } from '../../io/prompts/openInput.js'
import { promptColumns } from '../../io/prompts/toPrompt.js'
import { openStore } from '../../io/stores/openStore.js'
import { strayFiles } from '../../io/strayFiles.js'
import { toParquet } from '../../io/toParquet.js'
import { loadModels } from '../../models/loadModels.js'
import { type ChosenDecoder, chooseDecoder } from '../flags/chooseDecoder.js'
import { type GenerateFlags, type GivenFlags, generateFlags, settingsOf } from '../flags/generateFlags.js'
import { describeLm } from '../flags/lmFlag.js'
import { loadRewards } from '../flags/loadRewards.js'
import { functionReward } from '../flags/rewardFlag.js'
import { type WatchFlags, watchFlags } from '../flags/watchFlags.js'
import { checkRowLines, type RowLines, rowLineFlags } from '../print/rowLines.js'
import { toLines } from '../print/toLines.js'
import { expectRows, generateRun } from '../run/generateRun.js'
import { describeInput, inputOf } from '../run/inputOf.js'
import { runSummary } from '../run/runSummary.js'
import { withWatch } from '../run/watch.js'
import type { Terminal } from '../terminal.js'
import { dryRun } from './dryRun.js'
import { plainPrompts } from './plainPrompts.js'

/** `rxargs generate` decodes prompts into rows. */
export const generateCommand = (terminal: Terminal): Command =>
  watchFlags(rowLineFlags(generateFlags(new Command('generate'))))
    .description('decode prompts, guided by a reward; the same command continues an interrupted run')
    .action(async (input: string | undefined, flags: GivenFlags & RowLines & WatchFlags) =>
      run(inputOf(input, terminal), settingsOf(flags), await chooseDecoder(flags), flags, terminal),
    )

async function run(
  input: string,
  flags: GenerateFlags,
  chosen: ChosenDecoder,
  { text, columns, ...watching }: RowLines & WatchFlags,
  terminal: Terminal,
): Promise<void> {
  const { stdout, signal } = terminal
  const { about, weight } = chosen
  const { output, force, retryErrors, redoChanged, policy } = flags
  const lines = { ...(text && { text }), ...(columns && { columns }) }
  checkRowLines(lines, output)
  const rewardNames = flags.rewards.map((each) =>
    each.kind === 'function' && each.of === 'ensemble' ? functionReward(each) : each,
  )
  weightsOf(rewardNames, weight ?? {})
  await checkInput(input, promptColumns(flags))
  const rewards = await loadRewards(flags.rewards, flags.rewardTimeout)
  if (flags.dryRun) return dryRun(input, flags, about, terminal)
  if (output !== undefined) await openStore(output).check()

  const running = { input: describeInput(input), output, ...flags.engine }
  return withWatch(watching, running, terminal, async ({ progress, load, onPart }) => {
    progress.say(
      `${describeInput(input)} with ${about}; ${[describeLm(flags.lm), ...Object.values(flags.lms), ...flags.rewards.map(({ path }) => path)].join(', ')}`,
    )
    for (const notice of await strayFiles(input)) progress.say(notice)
    const models = await loadModels({
      lm: flags.lm,
      lms: flags.lms,
      reward: rewards,
      ...flags.engine,
      ...load,
      onNotice: progress.say,
    })
    try {
      signal.throwIfAborted()
      const { template, dataset } = flags
      const isPlain = template === 'auto' && dataset === undefined
      const rows = generateRun(input, flags, chosen, models, progress, terminal, (prompts) =>
        isPlain ? plainPrompts(prompts, models.lm.codec, progress.say) : prompts,
      )
      const counting = expectRows(input, flags, progress)
      const summary =
        output === undefined
          ? await toLines(rows, stdout, { ...lines, signal })
          : await toParquet(output, rows, {
              ...{ force, retryErrors, redoChanged, signal, onNotice: progress.say },
              ...(policy && { policy }),
              ...(onPart && { onPart }),
            })
      await counting
      progress.end()
      await runSummary({ summary, output, input }, terminal, progress)
    } finally {
      progress.end()
      await models.close()
    }
  })
}
