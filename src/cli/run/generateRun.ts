import { generate } from '../../../pipelines/run/generate.js'
import type { Prompt } from '../../core/prompt.js'
import type { Models, Run } from '../../core/run.js'
import { countRows } from '../../io/countRows.js'
import { fromFile } from '../../io/fromFile.js'
import { readings } from '../../io/prompts/datasets.js'
import { promptColumns } from '../../io/prompts/toPrompt.js'
import type { ChosenDecoder } from '../flags/chooseDecoder.js'
import type { GenerateFlags } from '../flags/generateFlags.js'
import type { Progress } from '../print/progress.js'
import type { Terminal } from '../terminal.js'
import { stopAtError } from './stopAtError.js'
import { takeFirst, takeShard } from './takePrompts.js'

/** Reads the prompts that the flags of `generate` name. */
export const readPrompts = (
  input: string,
  { template, promptColumn, dataset, keepInput, limit, shard, onError }: GenerateFlags,
  { stdin }: Terminal,
): AsyncGenerator<Prompt> =>
  takeShard(takeFirst(fromFile(input, { template, promptColumn, dataset, keepInput, onError, stdin }), limit), shard)

/** Builds the run for the flags of `generate`, with loaded models, and reports to `progress`. `around` may wrap the stream of prompts. */
export const generateRun = (
  input: string,
  flags: GenerateFlags,
  chosen: ChosenDecoder,
  models: Models,
  progress: Progress,
  terminal: Terminal,
  around: (prompts: AsyncIterable<Prompt>) => AsyncIterable<Prompt> = (prompts) => prompts,
): Run => runOfPrompts(around(readPrompts(input, flags, terminal)), flags, chosen, models, progress)

/** Builds the run for the flags of `generate` over given prompts, with loaded models, and reports to `progress`. */
export function runOfPrompts(
  prompts: AsyncIterable<Prompt>,
  { template, promptColumn, dataset, keepInput, strict, settings }: GenerateFlags,
  { decoder, registry, use }: ChosenDecoder,
  models: Models,
  progress: Pick<Progress, 'say' | 'begin' | 'observers'>,
): Run {
  const own = { ...(dataset && { dataset }), ...(Object.keys(use).length > 0 && { use }) }
  const run = generate(prompts, decoder, models, {
    ...settings,
    keepInput,
    spec: { template, promptColumn: promptColumn ?? null, ...own },
    registry,
    onNotice: progress.say,
    observe: progress.observers,
  })
  progress.begin()
  return strict ? stopAtError(run) : run
}

/** Tells `progress` how many rows to expect, if that is known. */
export async function expectRows(input: string, flags: GenerateFlags, progress: Progress): Promise<void> {
  const { dataset, limit, shard, settings } = flags
  if (dataset !== undefined && readings[dataset].repeats) return
  // The reader reports errors of the input.
  const all = await countRows(input, { needs: [promptColumns(flags)] }).catch(() => undefined)
  if (all === undefined) return
  const count = shard === undefined ? Math.min(all, limit ?? all) : await countPrompts(input, flags)
  progress.expect(count * settings.samples, settings.maxNewTokens)
}

/** Counts the prompts of a shard, which takes reading their ids. */
async function countPrompts(input: string, { template, promptColumn, dataset, limit, shard }: GenerateFlags): Promise<number> {
  let count = 0
  for await (const _ of takeShard(takeFirst(fromFile(input, { template, promptColumn, dataset }), limit), shard)) count++
  return count
}
