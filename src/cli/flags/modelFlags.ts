import type { Command } from 'commander'
import { decoders } from '../../../pipelines/registry/registry.js'
import { searches } from '../../../pipelines/registry/searchRegistry.js'
import { rewardFunctions } from '../../../pipelines/rewards/rewardByName.js'
import { textRewardOptions } from '../../../pipelines/rewards/textReward.js'
import { type GpuModel, localModels } from '../../models/gpuNeeds.js'
import type { promptForms, RemoteLm } from '../../models/remote/remoteLanguageModel.js'
import { type AdapterFlags, BASE_HELP, onBase } from './adapterFlags.js'
import { embeddedPath } from './embeddedPath.js'
import { type EngineFlags, engineFlags } from './engineFlags.js'
import { checkNames, collect, flagsOfDecoders, number, otherLm, text, withEach, withLabels } from './flags.js'
import { lmFlag, serverFlags } from './lmFlag.js'
import { type RewardFlag, rewardFlag } from './rewardFlag.js'

/** Flags of the models, as commander parses them. */
export type GivenModelFlags = AdapterFlags &
  EngineFlags &
  Readonly<{
    lm?: string
    lmModel?: string
    lmTokenizer?: string
    lmTop?: number
    lmPrompt?: (typeof promptForms)[number]
    otherLm?: readonly Readonly<{ name: string; path: string }>[]
    reward?: readonly RewardFlag[]
    rewardTimeout?: number
    rewardLabel?: readonly string[]
    endToken?: readonly string[]
  }>

/** Flags of decoders and searches, as commander parses them. */
export type DecoderOptionFlags = Readonly<
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

/** Flags as models to load. */
export type ModelFlags = Readonly<{
  lm: string | RemoteLm
  lms: Readonly<Record<string, string>>
  rewards: readonly RewardFlag[]
  rewardTimeout: number | undefined
  engine: EngineFlags
}>

/** The models of these flags that run here: neither servers nor functions. */
export const localOf = ({ lm, lms, rewards }: ModelFlags): GpuModel[] =>
  localModels(
    lm,
    lms,
    rewards.flatMap((reward) => (reward.kind === 'model' ? [reward] : [])),
  )

/** Adds the flags of the models. */
export function modelFlags(command: Command): Command {
  command
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
      '--end-token <[name=]token>',
      'special token, such as "<|im_end|>", that a reward model with a tokenizer of its own reads after each reply that ended by a token (default: none)',
      collect(text('end-token')),
    )
    .option(
      '--reward-timeout <number>',
      'time limit in milliseconds: for a module per step of a prompt, for a server per request (default: 30000)',
      number('reward-timeout', textRewardOptions.shape.timeoutMs),
    )
  return engineFlags(command)
}

/** Decoder flags whose help differs from that of `generate`. */
export type OtherFlags = Readonly<Record<string, Readonly<{ value: string; about: string }>>>

/** Adds the flags that choose a decoder or a search, and those of their options. */
export function decoderFlags(command: Command, others: OtherFlags = {}): Command {
  command
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
  return command
}

/**
 * Checks the flags of the models against each other.
 *
 * @throws OptionError for two rewards or two further language models of the same name, and like `withLabels` and `lmFlag`
 */
export function modelsOf(flags: GivenModelFlags): ModelFlags {
  const flagged = flags.reward ?? [rewardFlag(embeddedPath('chat-rm'))]
  checkNames('reward', flagged)
  checkNames('other-lm', flags.otherLm ?? [])
  const models = withLabels(
    flagged.filter(({ kind }) => kind === 'model' || kind === 'server'),
    flags.rewardLabel,
  )
  const labels = new Map(models.map(({ name, label }) => [name, label]))
  const labelled = flagged.map((one) => (labels.has(one.name) ? { ...one, label: labels.get(one.name) } : one))
  const ended = new Map(
    withEach(
      labelled.filter(({ kind }) => kind === 'model'),
      flags.endToken ?? [],
      { flag: 'end-token', key: 'endToken', kinds: 'a model' },
    ).map((one) => [one.name, one]),
  )
  const lm = lmFlag(flags)
  const [{ path: lmPath }, ...rewards] = onBase(
    [{ path: typeof lm === 'string' ? lm : '' }, ...labelled.map((one) => ended.get(one.name) ?? one)],
    flags.base,
  )
  return {
    lm: typeof lm === 'string' ? lmPath : lm,
    lms: Object.fromEntries((flags.otherLm ?? []).map(({ name, path }) => [name, path])),
    rewards,
    rewardTimeout: flags.rewardTimeout,
    engine: { device: flags.device, dtype: flags.dtype, cache: flags.cache },
  }
}
