import { Command } from 'commander'
import { generate } from '../../pipelines/generate.js'
import { weightsOf } from '../../pipelines/perReward.js'
import { countRows } from '../io/countRows.js'
import { fromFile } from '../io/fromFile.js'
import { checkInput } from '../io/prompts/readRecords.js'
import { toParquet } from '../io/toParquet.js'
import { loadModels } from '../models/loadModels.js'
import { type ChosenDecoder, chosenDecoder } from './chosenDecoder.js'
import { dryRun } from './dryRun.js'
import { type GenerateFlags, type GivenFlags, generateFlags, settingsOf } from './generateFlags.js'
import { inputOf } from './inputOf.js'
import { limited } from './limited.js'
import { loadRewards } from './loadRewards.js'
import { progress } from './progress.js'
import { report } from './report.js'
import { functionReward } from './rewardFlag.js'
import type { Terminal } from './terminal.js'
import { toLines } from './toLines.js'
import { watched } from './watched.js'

/** `rxargs generate`: prompts in, rows out. */
export const generateCommand = (terminal: Terminal): Command =>
  generateFlags(new Command('generate'))
    .description('decode prompts, steered by a reward; the same command again goes on where it stopped')
    .action(async (input: string | undefined, flags: GivenFlags) =>
      run(inputOf(input, terminal), settingsOf(flags), await chosenDecoder(flags), terminal),
    )

async function run(input: string, flags: GenerateFlags, chosen: ChosenDecoder, terminal: Terminal): Promise<void> {
  const { stdout, stderr, stdin, signal } = terminal
  const { decoder, about, weight, registry, use } = chosen
  const named = flags.rewards.map((each) => (each.kind === 'function' && each.of === 'ensemble' ? functionReward(each) : each))
  weightsOf(named, weight ?? {})
  await checkInput(input)
  const rewards = await loadRewards(flags.rewards, flags.rewardTimeout)
  if (flags.dryRun) return dryRun(input, flags, about, terminal)

  const shown = progress({ stream: stderr })
  shown.say(
    `${input === '-' ? 'standard input' : input} with ${about}; ${[flags.lm, ...flags.rewards.map(({ path }) => path)].join(', ')}`,
  )
  const models = await loadModels({ lm: flags.lm, reward: rewards, dtype: flags.dtype, onNotice: shown.say })
  try {
    signal.throwIfAborted()
    const { template, promptColumn, keepInput, limit } = flags
    const prompts = limited(fromFile(input, { template, promptColumn, keepInput, stdin }), limit)
    const rows = generate(prompts, decoder, models, {
      ...flags.settings,
      spec: { template, promptColumn: promptColumn ?? null, keepInput, ...(Object.keys(use).length > 0 && { use }) },
      registry,
      onNotice: shown.say,
      onEvent: (event) => {
        if (event.type === 'token') shown.token()
      },
    })
    const counting = countRows(input)
      .then((count) => count !== undefined && shown.expect(Math.min(count, limit ?? count) * flags.settings.samples))
      .catch(() => undefined) // What is wrong with the input, its reader says.
    const seen = watched(rows, { onSkip: shown.skip, onRow: shown.row })
    const { output, force, retryErrors } = flags
    const summary =
      output === undefined ? await toLines(seen, stdout, signal) : await toParquet(output, seen, { force, retryErrors, signal })
    await counting
    shown.end()
    await report({ summary, output, input }, terminal, shown)
  } finally {
    shown.end()
    await models.close()
  }
}
