import * as z from 'zod'
import { ModelError } from '../../../core/errors.js'
import { type HeadSettings, headSettings, rewardClasses } from '../heads/headSettings.js'
import { labelFields, labelsOf } from '../heads/labels.js'
import type { HiddenLayer } from '../heads/valueHead.js'
import { checkJson } from '../readJson.js'
import { refuseQuantizedConfig } from '../weights/refuseQuantized.js'
import type { Head } from './decoderConfig.js'
import { encoderOf } from './encoderConfig.js'
import { decoderFamilies } from './index.js'

export type { Head } from './decoderConfig.js'

type Family = (typeof decoderFamilies)[number]

/** A head as a reward: names of its tensors, the label that is read, and how the number is normalized. */
export type RewardHead = Readonly<{
  hidden?: readonly HiddenLayer[]
  weight: string
  bias?: string
  labels: number
  label: number
  norm?: Readonly<{ mean: number; std: number }>
}>

/** The config of any supported family; `family` tells them apart. */
export type ModelConfig = ReturnType<Family['read']> &
  HeadSettings &
  Readonly<{
    /** Names of a classifier's labels, by index. */
    labels?: readonly string[]
    /** config.json names a body without a head, or a reward model whose head shows only in its tensors. */
    bare?: true
    /** The head of a reward; without it, the one label of a classifier. */
    rewardHead?: RewardHead
  }>

type Architecture = Readonly<{ head: Head; family: Family }>

/** Class name in config.json → its family and its head. */
const architectures: ReadonlyMap<string, Architecture> = new Map(
  decoderFamilies.flatMap((family): [string, Architecture][] => [
    [family.languageModel, { head: 'lm', family }],
    [family.rewardModel, { head: 'reward', family }],
  ]),
)

const common = z.looseObject({
  architectures: z
    .array(z.string())
    .min(1)
    .describe(`a list with one of ${[...architectures.keys()].join(', ')}`),
  ...labelFields,
})

/**
 * The architecture of a class name. A body without a head (`LlamaModel`) and a reward model with its own class get that of their
 * family's language model.
 */
function architectureOf(name: string, modelType: unknown): (Architecture & { bare?: true }) | undefined {
  const known = architectures.get(name)
  if (known) return known
  const body = name.replace(/Model$/, '')
  const languageModel = rewardClasses.has(name)
    ? decoderFamilies.find((family) => family.modelType === modelType)?.languageModel
    : [`${body}ForCausalLM`, `${body}LMHeadModel`].find((whole) => name !== body && architectures.has(whole))
  const whole = architectures.get(languageModel ?? '')
  return whole && { ...whole, bare: true }
}

/** A longer context than this is a mistake in the file. */
const LONGEST_CONTEXT = 2 ** 24

/**
 * Reads a config.json: finds the architecture and validates its sizes and switches.
 *
 * @throws ModelError for an unknown architecture (with a list of the supported ones), quantized weights, and any field that is missing,
 * of the wrong type or not supported
 */
export function readConfig(json: Readonly<Record<string, unknown>>, file: string): ModelConfig {
  const fields = checkJson(common, json, file)
  const name = fields.architectures[0]!
  const architecture = architectureOf(name, json.model_type)
  if (encoderOf(json)) throw new ModelError(`Expected a decoder in ${file}, got the encoder \`${name}\``)
  if (architecture === undefined)
    throw new ModelError(`Unknown architecture \`${name}\` in ${file}; supported: ${[...architectures.keys()].join(', ')}`)
  refuseQuantizedConfig(json, file)
  const { head, family, bare } = architecture
  const config = family.read(json, head, file)
  if (config.contextLength > LONGEST_CONTEXT)
    throw new ModelError(`Expected the context in ${file} to be at most ${LONGEST_CONTEXT} tokens, got ${config.contextLength}`)
  return {
    ...config,
    ...headSettings(json, file),
    ...(head === 'reward' && { labels: labelsOf(fields) }),
    ...(bare && { bare }),
  }
}
