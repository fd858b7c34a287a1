import * as z from 'zod'
import { ModelError } from '../../../core/errors.js'
import { type HeadSettings, headSettings, rewardClasses } from '../heads/headSettings.js'
import { labelFields, labelsOf } from '../heads/labels.js'
import type { RewardHead } from '../heads/valueHead.js'
import { checkJson } from '../readJson.js'
import { refuseQuantizedConfig } from '../weights/refuseQuantized.js'
import type { Head } from './decoderConfig.js'
import { encoderOf } from './encoderConfig.js'
import { type Gemma2Config, readGemma2Config } from './gemma2Config.js'
import { type Gemma3Config, readGemma3Config } from './gemma3Config.js'
import { type Gpt2Config, readGpt2Config } from './gpt2Config.js'
import { type GptNeoxConfig, readGptNeoxConfig } from './gptNeoxConfig.js'
import { type LlamaConfig, readLlamaConfig } from './llamaConfig.js'
import { type MistralConfig, readMistralConfig } from './mistralConfig.js'
import { type OptConfig, readOptConfig } from './optConfig.js'
import { type Phi3Config, readPhi3Config } from './phi3Config.js'
import { type Qwen2Config, readQwen2Config } from './qwen2Config.js'
import { type Qwen3Config, readQwen3Config } from './qwen3Config.js'

export type { Head } from './decoderConfig.js'

type FamilyConfig =
  | LlamaConfig
  | MistralConfig
  | Qwen2Config
  | Qwen3Config
  | Phi3Config
  | Gemma2Config
  | Gemma3Config
  | OptConfig
  | Gpt2Config
  | GptNeoxConfig

/** The config of any supported family; `family` tells them apart. */
export type ModelConfig = FamilyConfig &
  HeadSettings &
  Readonly<{
    /** Names of a classifier's labels, by index. */
    labels?: readonly string[]
    /** config.json names a body without a head, or a reward model whose head only its tensors tell. */
    bare?: true
    /** Where a reward is read; the one label of a classifier unless given. */
    rewardHead?: RewardHead
  }>

type Architecture = Readonly<{
  head: Head
  read: (json: Readonly<Record<string, unknown>>, head: Head, file: string) => FamilyConfig
}>

/** Architecture name in config.json → its family's reader and its head. A new family is a file like llamaConfig.ts and its rows here. */
export const architectures: ReadonlyMap<string, Architecture> = new Map<string, Architecture>([
  ['LlamaForCausalLM', { head: 'lm', read: readLlamaConfig }],
  ['LlamaForSequenceClassification', { head: 'reward', read: readLlamaConfig }],
  ['MistralForCausalLM', { head: 'lm', read: readMistralConfig }],
  ['MistralForSequenceClassification', { head: 'reward', read: readMistralConfig }],
  ['Qwen2ForCausalLM', { head: 'lm', read: readQwen2Config }],
  ['Qwen2ForSequenceClassification', { head: 'reward', read: readQwen2Config }],
  ['Qwen3ForCausalLM', { head: 'lm', read: readQwen3Config }],
  ['Qwen3ForSequenceClassification', { head: 'reward', read: readQwen3Config }],
  ['Phi3ForCausalLM', { head: 'lm', read: readPhi3Config }],
  ['Phi3ForSequenceClassification', { head: 'reward', read: readPhi3Config }],
  ['Gemma2ForCausalLM', { head: 'lm', read: readGemma2Config }],
  ['Gemma2ForSequenceClassification', { head: 'reward', read: readGemma2Config }],
  ['Gemma3ForCausalLM', { head: 'lm', read: readGemma3Config }],
  ['Gemma3TextForSequenceClassification', { head: 'reward', read: readGemma3Config }],
  ['OPTForCausalLM', { head: 'lm', read: readOptConfig }],
  ['OPTForSequenceClassification', { head: 'reward', read: readOptConfig }],
  ['GPT2LMHeadModel', { head: 'lm', read: readGpt2Config }],
  ['GPT2ForSequenceClassification', { head: 'reward', read: readGpt2Config }],
  ['GPTNeoXForCausalLM', { head: 'lm', read: readGptNeoxConfig }],
  ['GPTNeoXForSequenceClassification', { head: 'reward', read: readGptNeoxConfig }],
])

const named = z.looseObject({
  architectures: z
    .array(z.string())
    .min(1)
    .describe(`a list with one of ${[...architectures.keys()].join(', ')}`),
  ...labelFields,
})

/** The language model of each family, by `model_type`. */
const languageModels: Readonly<Record<string, string>> = {
  llama: 'LlamaForCausalLM',
  mistral: 'MistralForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
  phi3: 'Phi3ForCausalLM',
  gemma2: 'Gemma2ForCausalLM',
  gemma3_text: 'Gemma3ForCausalLM',
  opt: 'OPTForCausalLM',
  gpt2: 'GPT2LMHeadModel',
  gpt_neox: 'GPTNeoXForCausalLM',
}

/** The row of a name; of a body without a head (`LlamaModel`), and of a reward model with a class of its own, that of the family's language model. */
function architectureOf(name: string, modelType: unknown): (Architecture & { bare?: true }) | undefined {
  const known = architectures.get(name)
  if (known) return known
  const body = name.replace(/Model$/, '')
  const whole = rewardClasses.has(name)
    ? architectures.get(languageModels[String(modelType)] ?? '')
    : name !== body && (architectures.get(`${body}ForCausalLM`) ?? architectures.get(`${body}LMHeadModel`))
  return whole ? { ...whole, bare: true } : undefined
}

/** A longer context than this is a mistake in the file. */
const LONGEST_CONTEXT = 2 ** 24

/**
 * Reads the content of a config.json: which architecture it is, and its validated, typed sizes and switches.
 *
 * @throws ModelError for an unknown architecture (listing the supported ones), quantized weights, and any field that is missing, of the
 * wrong type or not supported
 */
export function readConfig(json: Readonly<Record<string, unknown>>, file: string): ModelConfig {
  const fields = checkJson(named, json, file)
  const name = fields.architectures[0]!
  const architecture = architectureOf(name, json.model_type)
  if (encoderOf(json)) throw new ModelError(`Expected a decoder in ${file}, got the encoder \`${name}\``)
  if (architecture === undefined)
    throw new ModelError(`Unknown architecture \`${name}\` in ${file}; supported: ${[...architectures.keys()].join(', ')}`)
  refuseQuantizedConfig(json, file)
  const { head, read, bare } = architecture
  const config = read(json, head, file)
  if (config.contextLength > LONGEST_CONTEXT)
    throw new ModelError(`Expected the context in ${file} to be at most ${LONGEST_CONTEXT} tokens, got ${config.contextLength}`)
  return {
    ...config,
    ...headSettings(json, file),
    ...(head === 'reward' && { labels: labelsOf(fields) }),
    ...(bare && { bare }),
  }
}
