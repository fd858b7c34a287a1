import type { Command } from 'commander'
import { decoders } from '../../../pipelines/registry/registry.js'
import { searches } from '../../../pipelines/registry/searchRegistry.js'
import { rewardFunctions } from '../../../pipelines/rewards/rewardByName.js'
import { textRewardOptions } from '../../../pipelines/rewards/textReward.js'
import { type GenerateOptions, generateOptions } from '../../../pipelines/run/generate.js'
import { type Truncate, truncations } from '../../../pipelines/run/jobs.js'
import { OptionError } from '../../core/errors.js'
import type { OnError } from '../../io/fromFile.js'
import { type Dataset, datasets } from '../../io/prompts/datasets.js'
import { type Template, templates } from '../../io/prompts/toPrompt.js'
import type { promptForms, RemoteLm } from '../../models/remote/remoteLanguageModel.js'
import type { Shard } from '../run/takePrompts.js'
import { type AdapterFlags, BASE_HELP, onBase } from './adapterFlags.js'
import type { DecoderFlags } from './chooseDecoder.js'
import { embeddedPath } from './embeddedPath.js'
import { type EngineFlags, engineFlags } from './engineFlags.js'
import { collect, flagsOfDecoders, number, oneOf, otherLm, text, withLabels } from './flags.js'
import { INPUT_HELP, type RowFlags, rowFlags, SHARD_HELP, shard } from './inputFlags.js'
import { lengthFlags } from './lengthFlags.js'
import { lmFlag, serverFlags } from './lmFlag.js'
import { type OutputFlags, outputFlags, partPolicy } from './outputFlags.js'
import { resumeOptions } from './resumeOptions.js'
import { type RewardFlag, rewardFlag } from './rewardFlag.js'

/** Flags as commander parses them. */
export type GivenFlags = AdapterFlags &
  EngineFlags &
  RowFlags &
  OutputFlags &
  Readonly<
    {
      promptColumn?: string
      template: Template
      dataset?: Dataset
      lm?: string
      lmModel?: string
      lmTokenizer?: string
      lmTop?: number
      lmPrompt?: (typeof promptForms)[number]
      otherLm?: readonly Readonly<{ name: string; path: string }>[]
      reward?: readonly RewardFlag[]
      rewardTimeout?: number
      rewardLabel?: readonly string[]
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
    } & DecoderFlags &
      Partial<
        Record<
          | 'k'
          | 'weight'
          | 'reach'
          | 'temperature'
          | 'topP'
          | 'n'
          | 'blockTokens'
          | 'rolloutTokens'
          | 'entropyThreshold'
          | 'rewardThreshold'
          | 'alpha'
          | 'beta'
          | 'rampTokens'
          | 'proposals'
          | 'beams'
          | 'lengthPenalty',
          string
        >
      >
  >

/** Flags as options of `generate` and its source. */
export type GenerateFlags = Readonly<{
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
  lm: string | RemoteLm
  lms: Readonly<Record<string, string>>
  rewards: readonly RewardFlag[]
  rewardTimeout: number | undefined
  engine: EngineFlags
  settings: Required<Pick<GenerateOptions, 'maxNewTokens' | 'samples' | 'seed' | 'concurrency' | 'stop' | 'trace'>> &
    Pick<GenerateOptions, 'maxPromptTokens' | 'truncate'>
}>

const { samples, seed, concurrency } = generateOptions.shape
const defaults = generateOptions.parse({})

/** Decoder flags whose help differs from that of `generate`. */
export type OtherFlags = Readonly<Record<string, Readonly<{ value: string; about: string }>>>

/** Adds all flags of `generate` except input, output and `--dry-run`. Defaults come from the pipeline and its decoders. */
export function decodingFlags(command: Command, others: OtherFlags = {}): Command {
  command
    .option('--prompt-column <name>', 'column with the prompt (default: prompt, or messages)', text('prompt-column'))
    .option('--template <name>', `prompt format: ${templates.join(', ')}`, oneOf('template', templates), 'auto')
    .option('--dataset <name>', `read the input as a dataset of the paper: ${datasets.join(', ')}`, oneOf('dataset', datasets))
    .option(
      '--lm <folder>',
      'language model: folder, GGUF file, pulled ORG/NAME or OpenAI-compatible server (http://…/v1) (default: the embedded chat-lm)',
      text('lm'),
    )
    .option('--lm-adapter <folder>', 'LoRA adapter (PEFT) to merge into the language model', text('lm-adapter'))
    .option('--base <model>', BASE_HELP, text('base'))
  serverFlags(command)
    .option('--other-lm <name=folder>', 'further language model for decoders that combine several, repeatable', collect(otherLm))
    .option(
      '--reward <[name=]reward>',
      `model folder, GGUF file, LoRA adapter folder, module (./my-reward.js), server (NAME=http://…), or function: ${Object.keys(rewardFunctions).join(', ')}, with options such as length(target=200); repeatable (default: the embedded chat-rm)`,
      collect(rewardFlag),
    )
    .option(
      '--reward-label <[name=]label>',
      'label of a classifier to use as the reward, if it has several',
      collect(text('reward-label')),
    )
    .option(
      '--reward-timeout <number>',
      'time limit in milliseconds: for a module per step of a prompt, for a server per request (default: 30000)',
      number('reward-timeout', textRewardOptions.shape.timeoutMs),
    )
  engineFlags(command)
    .option(
      '--decoder <name>',
      `decoder or search: ${[...Object.keys(decoders), ...Object.keys(searches)].join(', ')} (default: args)`,
      text('decoder'),
    )
    .option('--pipeline <file>', 'YAML or JSON file with a decoder or search, instead of --decoder', text('pipeline'))
    .option('--use <module>', 'module with your own operators and decoders, repeatable', collect(text('use')))
  for (const each of flagsOfDecoders()) {
    const { value, about } = others[each.flag] ?? each
    command.option(`--${each.flag} <${value}>`, about)
  }
  lengthFlags(command)
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

/** Adds all flags of `generate`. */
export const generateFlags = (command: Command): Command =>
  decodingFlags(outputFlags(command.argument('[input]', `prompts: ${INPUT_HELP}`)))
    .option('--shard <index/count>', SHARD_HELP, shard)
    .option('--json-schema <file>', 'constrain replies to JSON that matches this JSON Schema', text('json-schema'))
    .option('--dry-run', 'show what would run and how much memory it needs')

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
  const flagged = flags.reward ?? [rewardFlag(embeddedPath('chat-rm'))]
  const twice = flagged.find(({ name }, index) => flagged.findIndex((other) => other.name === name) !== index)
  if (twice) throw new OptionError(`Expected each \`--reward\` to have a name of its own, got \`${twice.name}\` twice`)
  const models = withLabels(
    flagged.filter(({ kind }) => kind === 'model' || kind === 'server'),
    flags.rewardLabel,
  )
  const labels = new Map(models.map(({ name, label }) => [name, label]))
  const labelled = flagged.map((one) => (labels.has(one.name) ? { ...one, label: labels.get(one.name) } : one))
  const lm = lmFlag(flags)
  const [{ path: lmPath }, ...rewards] = onBase([{ path: typeof lm === 'string' ? lm : '' }, ...labelled], flags.base)
  return {
    ...resume,
    ...{ shard: flags.shard, policy: partPolicy(flags) },
    ...{ output, dryRun, limit, template, promptColumn, dataset, keepInput, strict, onError },
    engine: { device: flags.device, dtype: flags.dtype, cache: flags.cache },
    lm: typeof lm === 'string' ? lmPath : lm,
    lms: Object.fromEntries((flags.otherLm ?? []).map(({ name, path }) => [name, path])),
    rewards,
    rewardTimeout: flags.rewardTimeout,
    settings: {
      maxNewTokens: flags.maxNewTokens,
      ...(flags.maxPromptTokens !== undefined && { maxPromptTokens: flags.maxPromptTokens }),
      ...(flags.truncate !== undefined && { truncate: flags.truncate }),
      ...{ samples: flags.samples, seed: flags.seed, concurrency: flags.concurrency, stop, trace },
    },
  }
}
