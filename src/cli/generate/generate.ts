import { Command } from 'commander'
import { checkInput } from '../../io/prompts/openInput.js'
import { promptColumns } from '../../io/prompts/toPrompt.js'
import { openStore } from '../../io/stores/openStore.js'
import { strayFiles } from '../../io/strayFiles.js'
import { type ChosenDecoder, chooseDecoder } from '../flags/chooseDecoder.js'
import { type GenerateFlags, type GivenFlags, generateFlags, settingsOf } from '../flags/generateFlags.js'
import { type WatchFlags, watchFlags } from '../flags/watchFlags.js'
import { checkRowLines, type RowLines, rowLineFlags } from '../print/rowLines.js'
import { expectRows, generateRun } from '../run/generateRun.js'
import { describeInput, inputOf } from '../run/inputOf.js'
import { describeRun, loadRunModels, rewardsOf } from '../run/loadRun.js'
import { plainPrompts } from '../run/plainPrompts.js'
import { withWatch } from '../run/watch.js'
import { writeOutput } from '../run/writeOutput.js'
import type { Terminal } from '../terminal.js'
import { dryRun } from './dryRun.js'

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
  const { signal } = terminal
  const { about } = chosen
  const { output, force, retryErrors, redoChanged, policy } = flags
  const lines = { ...(text && { text }), ...(columns && { columns }) }
  checkRowLines(lines, output)
  await checkInput(input, promptColumns(flags))
  const rewards = await rewardsOf(flags, chosen)
  if (flags.dryRun) return dryRun(input, flags, about, terminal)
  if (output !== undefined) await openStore(output).check()

  const running = { input: describeInput(input), output, ...flags.engine }
  return withWatch(watching, running, terminal, async ({ progress, load, onPart }) => {
    progress.say(describeRun(input, flags, chosen))
    for (const notice of await strayFiles(input)) progress.say(notice)
    const models = await loadRunModels(flags, rewards, progress.say, load)
    try {
      signal.throwIfAborted()
      const rows = generateRun(input, flags, chosen, models, progress, terminal, (prompts) =>
        plainPrompts(prompts, flags, models.lm.codec, progress.say),
      )
      const counting = expectRows(input, flags, progress)
      const parts = { force, retryErrors, redoChanged, policy, onPart }
      await writeOutput(rows, { input, output, lines, parts, counting }, terminal, progress)
    } finally {
      progress.end()
      await models.close()
    }
  })
}
