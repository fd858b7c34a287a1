import { Command } from 'commander'
import * as z from 'zod'
import { hashedTexts } from '../../pipelines/evaluation/score.js'
import { jobs } from '../../pipelines/run/jobs.js'
import { InputError, OptionError } from '../core/errors.js'
import type { Prompt } from '../core/prompt.js'
import type { RunMeta } from '../core/run.js'
import { fromFile } from '../io/fromFile.js'
import { datasets } from '../io/prompts/datasets.js'
import { checkInput } from '../io/prompts/openInput.js'
import { templates } from '../io/prompts/toPrompt.js'
import { scoredTexts } from '../io/scoredTexts.js'
import { type ExpectedRow, verifyRun } from '../io/verifyRun.js'
import { number } from './flags/flags.js'
import { INPUT_HELP, SHARD_HELP, shard } from './flags/inputFlags.js'
import { type Shard, takeFirst, takeShard } from './run/takePrompts.js'
import { type Terminal, writeLine } from './terminal.js'

type Flags = Readonly<{ input?: string; limit?: number; shard?: Shard }>

/** The run's rows are not what they should be. */
class Unverified extends Error {}

/** How a run read its prompts, as its files say. */
const readingSchema = z.object({
  template: z.enum(templates),
  promptColumn: z.string().nullish(),
  completionColumn: z.string().optional(),
  dataset: z.enum(datasets).optional(),
  keepInput: z.boolean().default(false),
  samples: z.int().default(1),
  score: z.string().optional(),
})

/** `rxargs verify` checks that rows are complete and undamaged. */
export const verifyCommand = ({ stdin, stdout, signal }: Terminal): Command =>
  new Command('verify')
    .description('check rows: files undamaged, one run, each row once; with --input also complete and made from these prompts')
    .argument('<path...>', 'folders of part files, such as those of all shards, or Parquet files')
    .option('--input <input>', `what the run has read: ${INPUT_HELP}`)
    .option('--limit <number>', 'the --limit of the run', number('limit', z.int().min(1).describe('an integer >= 1')))
    .option('--shard <index/count>', SHARD_HELP, shard)
    .action(async (paths: readonly string[], flags: Flags) => {
      const { input } = flags
      for (const flag of ['limit', 'shard'] as const)
        if (input === undefined && flags[flag] !== undefined)
          throw new OptionError(`Expected \`--input\` beside \`--${flag}\`, got none`)
      if (input !== undefined) await checkInput(input)
      const { files, rows, errors, problems, notices } = await verifyRun(
        paths,
        input === undefined ? undefined : (meta) => expectedRows(input, meta, flags, stdin),
      )
      for (const line of [...problems, ...notices]) await writeLine(stdout, line, signal)
      const about = `${rows} ${rows === 1 ? 'row' : 'rows'} in ${files} ${files === 1 ? 'file' : 'files'}`
      if (problems.length > 0)
        throw new Unverified(`${about}: ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`)
      const failed = errors > 0 ? `, ${errors} of them ${errors === 1 ? 'an error row' : 'error rows'}` : ''
      await writeLine(
        stdout,
        `${about}${failed}: ${input === undefined ? 'each once' : 'complete, each once'}, undamaged`,
        signal,
      )
    })

/** The rows that a run makes of an input. It reads the prompts as the run did. */
async function* expectedRows(
  input: string,
  { spec }: RunMeta,
  { limit, shard: own }: Flags,
  stdin: AsyncIterable<Uint8Array>,
): AsyncGenerator<ExpectedRow> {
  const { data } = readingSchema.safeParse(spec)
  if (data === undefined)
    throw new InputError(
      'The rows do not say how the run has read its input, so they cannot be compared with it; leave --input out',
    )
  const { samples, score, completionColumn, promptColumn, ...reading } = data
  const options = { ...reading, ...(promptColumn && { promptColumn }), stdin }
  const taken = <P extends Prompt>(prompts: AsyncIterable<P>) => takeShard(takeFirst(prompts, limit), own)
  if (score === undefined) {
    for await (const { prompt, sample, promptHash } of jobs(taken(fromFile(input, options)), { samples }))
      yield { id: prompt.id, sample, promptHash }
  } else {
    const texts = scoredTexts(input, { ...options, ...(completionColumn && { completionColumn }) })
    for await (const { id, sample, promptHash } of hashedTexts(taken(texts))) yield { id, sample, promptHash }
  }
}
