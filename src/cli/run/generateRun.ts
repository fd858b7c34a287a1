import { generate } from '../../../pipelines/run/generate.js'
import type { Prompt } from '../../core/prompt.js'
import type { Models, Run } from '../../core/run.js'
import { countRows } from '../../io/countRows.js'
import { fromFile } from '../../io/fromFile.js'
import { readings } from '../../io/prompts/datasets.js'
import { promptColumns } from '../../io/prompts/toPrompt.js'
import type { ChosenDecoder } from '../flags/chosenDecoder.js'
import type { GenerateFlags } from '../flags/generateFlags.js'
import type { Progress } from '../print/progress.js'
import type { Terminal } from '../terminal.js'
import { limited } from './limited.js'
import { untilError, watched } from './watched.js'

/** The run that the flags of `generate` and its decoder ask for, over models that are loaded, told to the progress. `around` sees the prompts as they are read. */
export function generateRun(
  input: string,
  { template, promptColumn, dataset, keepInput, limit, strict, settings }: GenerateFlags,
  { decoder, registry, use }: ChosenDecoder,
  models: Models,
  shown: Progress,
  { stdin }: Terminal,
  around: (prompts: AsyncIterable<Prompt>) => AsyncIterable<Prompt> = (prompts) => prompts,
): Run {
  const prompts = around(limited(fromFile(input, { template, promptColumn, dataset, keepInput, stdin }), limit))
  const own = { ...(dataset && { dataset }), ...(Object.keys(use).length > 0 && { use }) }
  const run = generate(prompts, decoder, models, {
    ...settings,
    spec: { template, promptColumn: promptColumn ?? null, keepInput, ...own },
    registry,
    onNotice: shown.say,
    onEvent: (event) => {
      if (event.type === 'token') shown.token(event.key)
    },
  })
  shown.begin()
  const seen = watched(run, { onSkip: shown.skip, onRow: shown.row })
  return strict ? untilError(seen) : seen
}

/** Tells the progress how many rows there will be, where that is known. */
export async function expectRows(input: string, flags: GenerateFlags, shown: Progress): Promise<void> {
  const { dataset, limit, settings } = flags
  if (dataset !== undefined && readings[dataset].repeats) return
  // What is wrong with the input, its reader says.
  const count = await countRows(input, { needs: [promptColumns(flags)] }).catch(() => undefined)
  if (count !== undefined) shown.expect(Math.min(count, limit ?? count) * settings.samples, settings.maxNewTokens)
}
