import type { Command } from 'commander'
import { decoders } from '../../../pipelines/registry/registry.js'
import { searches } from '../../../pipelines/registry/searchRegistry.js'
import { rewardFunctions } from '../../../pipelines/rewards/rewardByName.js'
import { textRewardOptions } from '../../../pipelines/rewards/textReward.js'
import { type GenerateOptions, generateOptions } from '../../../pipelines/run/generate.js'
import { type Truncate, truncations } from '../../../pipelines/run/jobs.js'
import { OptionError } from '../../core/errors.js'
import { type Dataset, datasets } from '../../io/prompts/datasets.js'
import { type Template, templates } from '../../io/prompts/toPrompt.js'
import { type DeviceChoice, deviceChoices } from '../../models/device.js'
import { type WeightDtype, weightDtypes } from '../../models/graph/quantize.js'
import { promptForms, type RemoteLm, remoteLmOptions } from '../../models/remote/remoteLanguageModel.js'
import { type AdapterFlags, BASE_HELP, onBase } from './adapterFlags.js'
import type { DecoderFlags } from './chooseDecoder.js'
import { embeddedPath } from './embeddedPath.js'
import { DEVICE_HELP, DTYPE_HELP, flagsOfDecoders, number, oneOf, otherLm, repeated, text, withLabels } from './flags.js'
import { lmFlag } from './lmFlag.js'
import { REDO_HELP, resumeOptions } from './resumeOptions.js'
import { type RewardFlag, rewardFlag } from './rewardFlag.js'

/** Flags as commander gives them. */
export type GivenFlags = AdapterFlags &
  Readonly<
    {
      output?: string
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
      device: DeviceChoice
      dtype: WeightDtype
      maxNewTokens: number
      maxPromptTokens?: number
      truncate?: Truncate
      strict?: boolean
      samples: number
      stop?: readonly string[]
      seed: number
      concurrency: number
      limit?: number
      force?: boolean
      retryErrors?: boolean
      redoChanged?: boolean
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

/** Flags as `generate` and its source take them. */
export type GenerateFlags = Readonly<{
  output: string | undefined
  force: boolean
  retryErrors: boolean
  redoChanged: boolean
  dryRun: boolean
  limit: number | undefined
  template: Template
  dataset: Dataset | undefined
  promptColumn: string | undefined
  keepInput: boolean
  strict: boolean
  lm: string | RemoteLm
  lms: Readonly<Record<string, string>>
  rewards: readonly RewardFlag[]
  rewardTimeout: number | undefined
  device: DeviceChoice
  dtype: WeightDtype
  settings: Required<Pick<GenerateOptions, 'maxNewTokens' | 'samples' | 'seed' | 'concurrency' | 'stop' | 'trace'>> &
    Pick<GenerateOptions, 'maxPromptTokens' | 'truncate'>
}>

const { maxNewTokens, maxPromptTokens, samples, seed, concurrency } = generateOptions.shape
const defaults = generateOptions.parse({})

/** Decoders' options that say something else than for `generate`, by flag. */
export type OtherFlags = Readonly<Record<string, Readonly<{ value: string; about: string }>>>

/** Adds all flags of `generate` but the input, the output and `--dry-run`. Defaults are those of the pipeline and its decoders. */
export function decodingFlags(command: Command, others: OtherFlags = {}): Command {
  command
    .option('--prompt-column <name>', 'column of the prompt (default: prompt, or messages)', text('prompt-column'))
    .option('--template <name>', `what becomes of a prompt: ${templates.join(', ')}`, oneOf('template', templates), 'auto')
    .option('--dataset <name>', `the input is a dataset of the paper: ${datasets.join(', ')}`, oneOf('dataset', datasets))
    .option(
      '--lm <folder>',
      'language model: a folder, a GGUF file, ORG/NAME that was pulled, or an OpenAI-compatible server (http://…/v1; default: the embedded chat-lm)',
      text('lm'),
    )
    .option('--lm-adapter <folder>', 'LoRA adapter (PEFT) that is merged into the language model', text('lm-adapter'))
    .option('--base <model>', BASE_HELP, text('base'))
    .option('--lm-model <name>', "the server's name of the model", text('lm-model'))
    .option('--lm-tokenizer <folder>', "folder with the tokenizer and configs of the server's model", text('lm-tokenizer'))
    .option(
      '--lm-top <number>',
      'likeliest tokens that the server gives at most (default: 20)',
      number('lm-top', remoteLmOptions.shape.maxTop),
    )
    .option(
      '--lm-prompt <form>',
      `how the server is sent prompts: ${promptForms.join(', ')} (default: ids)`,
      oneOf('lm-prompt', promptForms),
    )
    .option('--other-lm <name=folder>', 'further language model that a decoder combines, repeatable', repeated(otherLm))
    .option(
      '--reward <[name=]reward>',
      `a model's folder or GGUF file, a LoRA adapter's folder, a module (./my-reward.js), a server (NAME=http://…), or a function: ${Object.keys(rewardFunctions).join(', ')}, with options such as length(target=200); repeatable (default: the embedded chat-rm)`,
      repeated(rewardFlag),
    )
    .option(
      '--reward-label <[name=]label>',
      'which label of a classifier with several is the reward',
      repeated(text('reward-label')),
    )
    .option(
      '--reward-timeout <number>',
      'milliseconds that a module has for one step of one prompt, a server for a request (default: 30000)',
      number('reward-timeout', textRewardOptions.shape.timeoutMs),
    )
    .option('--device <name>', DEVICE_HELP, oneOf('device', deviceChoices), 'cpu')
    .option('--dtype <name>', DTYPE_HELP, oneOf('dtype', weightDtypes), 'fp32')
    .option(
      '--decoder <name>',
      `${[...Object.keys(decoders), ...Object.keys(searches)].join(', ')} (default: args)`,
      text('decoder'),
    )
    .option('--pipeline <file>', 'YAML or JSON file with the steps of a decoder, instead of its name', text('pipeline'))
    .option('--use <module>', 'module with operators and decoders of your own, repeatable', repeated(text('use')))
  for (const each of flagsOfDecoders()) {
    const { value, about } = others[each.flag] ?? each
    command.option(`--${each.flag} <${value}>`, about)
  }
  return command
    .option(
      '--max-new-tokens <number>',
      'tokens of a reply at most',
      number('max-new-tokens', maxNewTokens),
      defaults.maxNewTokens,
    )
    .option(
      '--max-prompt-tokens <number>',
      'tokens of a prompt at most (default: the context less --max-new-tokens)',
      number('max-prompt-tokens', maxPromptTokens),
    )
    .option(
      '--truncate <how>',
      `what becomes of a longer prompt: ${truncations.join(', ')} (an error row, or its first tokens go; default: error)`,
      oneOf('truncate', truncations),
    )
    .option('--samples <number>', 'rows a prompt', number('samples', samples), defaults.samples)
    .option('--stop <text>', 'text that ends a reply, repeatable', repeated(text('stop')))
    .option('--seed <number>', 'seed of all random numbers', number('seed', seed), defaults.seed)
    .option(
      '--concurrency <number>',
      'prompts decoded at the same time',
      number('concurrency', concurrency),
      defaults.concurrency,
    )
    .option('--limit <number>', 'only so many prompts', number('limit', samples))
    .option('--trace', 'keep the candidates of each step, too')
    .option('--keep-input', "keep the input's own columns, as JSON in the column input")
    .option('--force', 'replace the rows that the folder holds')
    .option('--retry-errors', 'make error rows again')
    .option('--redo-changed', REDO_HELP)
    .option('--strict', 'stop at the first error row')
}

/** Adds all flags of `generate`. */
export const generateFlags = (command: Command): Command =>
  decodingFlags(
    command
      .argument(
        '[input]',
        'file with prompts: JSONL, a JSON array, CSV (each also as .gz or .zst) or Parquet; - or nothing: standard input',
      )
      .option('-o, --output <folder>', 'folder for Parquet part files; without it rows are JSONL on stdout', text('output')),
  )
    .option('--json-schema <file>', 'replies that stop are JSON of this JSON Schema', text('json-schema'))
    .option('--dry-run', 'print what would run and the memory it needs')

/**
 * Flags, checked against each other.
 *
 * @throws OptionError for one that cannot be, or has no meaning beside the others
 */
export function settingsOf(flags: GivenFlags): GenerateFlags {
  const { output, template, promptColumn, dataset, limit, stop = [], trace = false, dryRun = false } = flags
  const { keepInput = false, strict = false } = flags
  const resume = resumeOptions(flags)
  if (dataset !== undefined && (template !== 'auto' || promptColumn !== undefined)) {
    const foreign = promptColumn === undefined ? 'template' : 'prompt-column'
    throw new OptionError(`The dataset \`${dataset}\` says what its prompts are: it takes no \`--${foreign}\``)
  }
  const given = flags.reward ?? [rewardFlag(embeddedPath('chat-rm'))]
  const twice = given.find(({ name }, index) => given.findIndex((other) => other.name === name) !== index)
  if (twice) throw new OptionError(`Expected each \`--reward\` to have a name of its own, got \`${twice.name}\` twice`)
  const models = withLabels(
    given.filter(({ kind }) => kind === 'model' || kind === 'server'),
    flags.rewardLabel,
  )
  const labels = new Map(models.map(({ name, label }) => [name, label]))
  const labelled = given.map((one) => (labels.has(one.name) ? { ...one, label: labels.get(one.name) } : one))
  const lm = lmFlag(flags)
  const [{ path: lmPath }, ...rewards] = onBase([{ path: typeof lm === 'string' ? lm : '' }, ...labelled], flags.base)
  return {
    ...resume,
    ...{ output, dryRun, limit, template, promptColumn, dataset, keepInput, strict, dtype: flags.dtype, device: flags.device },
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
