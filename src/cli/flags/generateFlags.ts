import type { Command } from 'commander'
import { type GenerateOptions, generateOptions } from '../../../pipelines/run/generate.js'
import { type Truncate, truncations } from '../../../pipelines/run/jobs.js'
import { OptionError } from '../../core/errors.js'
import type { OnError } from '../../io/fromFile.js'
import { type Dataset, datasets } from '../../io/prompts/datasets.js'
import { type Template, templates } from '../../io/prompts/toPrompt.js'
import type { Shard } from '../run/takePrompts.js'
import type { DecoderFlags } from './chooseDecoder.js'
import { collect, number, oneOf, text } from './flags.js'
import { INPUT_HELP, type RowFlags, rowFlags, SHARD_HELP, shard } from './inputFlags.js'
import { lengthFlags } from './lengthFlags.js'
import {
  type DecoderOptionFlags,
  decoderFlags,
  type GivenModelFlags,
  type ModelFlags,
  modelFlags,
  modelsOf,
  type OtherFlags,
} from './modelFlags.js'
import { type OutputFlags, outputFlags, partPolicy } from './outputFlags.js'
import { resumeOptions } from './resumeOptions.js'

/** Flags as commander parses them. */
export type GivenFlags = GivenModelFlags &
  DecoderFlags &
  DecoderOptionFlags &
  RowFlags &
  OutputFlags &
  Readonly<{
    promptColumn?: string
    template: Template
    dataset?: Dataset
    maxNewTokens: number
    maxPromptTokens?: number
    truncate?: Truncate
    samples: number
    stop?: readonly string[]
    seed: number
    concurrency: number
    limit?: number
    shard?: Shard
    trace?: boolean
    keepInput?: boolean
    dryRun?: boolean
  }>

/** Flags as options of `generate` and its source. */
export type GenerateFlags = ModelFlags &
  Readonly<{
    output: string | undefined
    force: boolean
    retryErrors: boolean
    redoChanged: boolean
    dryRun: boolean
    limit: number | undefined
    shard: Shard | undefined
    policy: ReturnType<typeof partPolicy>
    template: Template
    dataset: Dataset | undefined
    promptColumn: string | undefined
    keepInput: boolean
    strict: boolean
    onError: OnError | undefined
    settings: Required<Pick<GenerateOptions, 'maxNewTokens' | 'samples' | 'seed' | 'concurrency' | 'stop' | 'trace'>> &
      Pick<GenerateOptions, 'maxPromptTokens' | 'truncate'>
  }>

const { samples, seed, concurrency } = generateOptions.shape
const defaults = generateOptions.parse({})

/** Adds all flags of `generate` except input, output and `--dry-run`. Defaults come from the pipeline and its decoders. */
export function decodingFlags(command: Command, others: OtherFlags = {}): Command {
  command
    .option('--prompt-column <name>', 'column with the prompt (default: prompt, or messages)', text('prompt-column'))
    .option('--template <name>', `prompt format: ${templates.join(', ')}`, oneOf('template', templates), 'auto')
    .option('--dataset <name>', `read the input as a dataset of the paper: ${datasets.join(', ')}`, oneOf('dataset', datasets))
  lengthFlags(decoderFlags(modelFlags(command), others))
    .option(
      '--truncate <how>',
      `handling of a longer prompt: ${truncations.join(', ')} (write an error row, or drop its first tokens; default: error)`,
      oneOf('truncate', truncations),
    )
    .option('--samples <number>', 'replies per prompt', number('samples', samples), defaults.samples)
    .option('--stop <text>', 'text that ends a reply, repeatable', collect(text('stop')))
    .option('--seed <number>', 'seed for all random numbers', number('seed', seed), defaults.seed)
    .option(
      '--concurrency <number>',
      'prompts to decode at the same time',
      number('concurrency', concurrency),
      defaults.concurrency,
    )
    .option('--limit <number>', 'decode at most this many prompts', number('limit', samples))
    .option('--trace', 'also store the candidates of each step')
    .option('--keep-input', "also store the input's own columns, as JSON in the column input")
  return rowFlags(command, 'decode')
}

/** Adds the flags that decide the rows of `generate`: all but input, output and `--dry-run`. */
export const runFlags = (command: Command): Command =>
  decodingFlags(command)
    .option('--shard <index/count>', SHARD_HELP, shard)
    .option('--json-schema <file>', 'constrain replies to JSON that matches this JSON Schema', text('json-schema'))

/** Adds all flags of `generate`. */
export const generateFlags = (command: Command): Command =>
  runFlags(outputFlags(command.argument('[input]', `prompts: ${INPUT_HELP}`))).option(
    '--dry-run',
    'show what would run and how much memory it needs',
  )

/**
 * Checks flags against each other and turns them into options.
 *
 * @throws OptionError for a flag that contradicts another one
 */
export function settingsOf(flags: GivenFlags): GenerateFlags {
  const { output, template, promptColumn, dataset, limit, stop = [], trace = false, dryRun = false } = flags
  const { keepInput = false, strict = false, onError } = flags
  const resume = resumeOptions(flags)
  if (dataset !== undefined && (template !== 'auto' || promptColumn !== undefined)) {
    const foreign = promptColumn === undefined ? 'template' : 'prompt-column'
    throw new OptionError(`The dataset \`${dataset}\` defines its own prompts, so \`--${foreign}\` does not apply`)
  }
  return {
    ...resume,
    ...{ output, dryRun, limit, template, promptColumn, dataset, keepInput, strict, onError },
    ...{ shard: flags.shard, policy: partPolicy(flags) },
    ...modelsOf(flags),
    settings: {
      maxNewTokens: flags.maxNewTokens,
      ...(flags.maxPromptTokens !== undefined && { maxPromptTokens: flags.maxPromptTokens }),
      ...(flags.truncate !== undefined && { truncate: flags.truncate }),
      ...{ samples: flags.samples, seed: flags.seed, concurrency: flags.concurrency, stop, trace },
    },
  }
}
