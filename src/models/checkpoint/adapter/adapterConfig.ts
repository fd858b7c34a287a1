import { join } from 'node:path'
import * as z from 'zod'
import { ModelError } from '../../../core/errors.js'
import { checkJson, positiveInteger, positiveNumber, readJson } from '../readJson.js'
import { ADAPTER_CONFIG } from './adapterPath.js'

/** A LoRA adapter's adapter_config.json: the layers that it changes, and the scale. */
export type AdapterConfig = Readonly<{
  file: string
  /** Name or path of the base model in the file. */
  base?: string
  /** Whether the adapter makes the base a classifier. Undefined if the file does not say. */
  isClassifier?: boolean
  /** Factor of the product of a layer's two matrices. */
  scaleOf: (layer: string) => number
  rankOf: (layer: string) => number
  /** Whether the file names a layer as one to change. Undefined if it names only kinds of layers. */
  targets?: (layer: string) => boolean
}>

const names = z.union([z.string(), z.array(z.string())])
const off = z.literal([false, null]).optional()
const none = z.null().optional()
const pattern = (value: z.ZodNumber) => z.record(z.string(), value).nullish().describe('an object of layers and numbers')

/** Initializations that leave the base model unchanged. Others keep a part of it in the adapter. */
const STARTS = [true, false, null, 'gaussian', 'eva', 'orthogonal'] as const

const schema = z.looseObject({
  peft_type: z.literal('LORA').describe('`LORA` (other kinds of PEFT adapters are not supported)'),
  task_type: z
    .literal(['CAUSAL_LM', 'SEQ_CLS', 'FEATURE_EXTRACTION', null])
    .optional()
    .describe('CAUSAL_LM, SEQ_CLS, FEATURE_EXTRACTION or null'),
  base_model_name_or_path: z.string().nullish().describe('a string'),
  r: positiveInteger,
  lora_alpha: positiveNumber,
  use_rslora: z.boolean().nullish().describe('true or false'),
  rank_pattern: pattern(positiveInteger),
  alpha_pattern: pattern(positiveNumber),
  target_modules: names.nullish().describe('a list of names or a pattern'),
  exclude_modules: names.nullish().describe('a list of names or a pattern'),
  modules_to_save: z.array(z.string()).nullish().describe('a list of names'),
  layers_to_transform: z
    .union([z.int(), z.array(z.int())])
    .nullish()
    .describe('a number or a list of them'),
  layers_pattern: names.nullish().describe('a name or a list of them'),
  fan_in_fan_out: z.boolean().nullish().describe('true or false'),
  bias: z.literal(['none', 'all', 'lora_only']).nullish().describe('none, all or lora_only'),
  init_lora_weights: z
    .literal([...STARTS])
    .optional()
    .describe('true, false, gaussian, eva or orthogonal (the others also change the base model)'),
  use_dora: off.describe('false (DoRA is not supported)'),
  use_qalora: off.describe('false (QALoRA is not supported)'),
  lora_bias: off.describe('false (biases of the matrices themselves are not supported)'),
  layer_replication: none.describe('null (repeated layers are not supported)'),
  trainable_token_indices: none.describe('null (adapters of single tokens are not supported)'),
  target_parameters: z
    .union([z.null(), z.array(z.never())])
    .optional()
    .describe('null (adapters of single parameters are not supported)'),
  alora_invocation_tokens: none.describe('null (adapters that begin within a text are not supported)'),
})

/** Fields about training or other runtimes. They do not change the result. */
const WITHOUT_EFFECT = new Set([
  ...['auto_mapping', 'peft_version', 'revision', 'inference_mode', 'lora_dropout', 'megatron_config', 'megatron_core'],
  ...['loftq_config', 'eva_config', 'corda_config', 'lora_ga_config', 'runtime_config', 'qalora_group_size'],
  ...['ensure_weight_tying', 'ephemeral_gpu_offload', '_custom_modules'],
])

const isEmpty = (value: unknown): boolean =>
  value === null || value === false || (typeof value === 'object' && Object.keys(value).length === 0)

/** The value of the first pattern that matches the end of a layer's name, like PEFT. */
function byPattern(patterns: Readonly<Record<string, number>> | null | undefined, otherwise: number, file: string) {
  const compiled = Object.entries(patterns ?? {}).map(([text, value]) => [compile(`(.*\\.)?(${text})$`, file), value] as const)
  return (layer: string): number => compiled.find(([regex]) => regex.test(layer))?.[1] ?? otherwise
}

function compile(text: string, file: string): RegExp {
  try {
    return new RegExp(`^(?:${text})`)
  } catch {
    throw new ModelError(`Expected valid patterns in ${file}, got \`${text}\``)
  }
}

/** Whether a list has the end of a layer's name, or a pattern matches all of it. */
function fits(given: string | readonly string[], file: string): (layer: string) => boolean {
  if (typeof given !== 'string') return (layer) => given.some((name) => layer === name || layer.endsWith(`.${name}`))
  const whole = compile(`(?:${given})$`, file)
  return (layer) => whole.test(layer)
}

/**
 * Reads adapter_config.json of a LoRA adapter.
 *
 * @throws ModelError for another kind of adapter, and for an unsupported setting, with its name
 * @see PEFT 0.21 tuners/lora/config.py; tuners/tuners_utils.py `check_target_module_exists`
 */
export async function readAdapterConfig(folder: string): Promise<AdapterConfig> {
  const file = join(folder, ADAPTER_CONFIG)
  const json = await readJson(file)
  const fields = checkJson(schema, json, file)
  const unknown = Object.entries(json).find(
    ([key, value]) => !Object.hasOwn(schema.shape, key) && !WITHOUT_EFFECT.has(key) && !isEmpty(value),
  )
  if (unknown)
    throw new ModelError(`Expected only known settings in ${file}, got \`${unknown[0]}\` = ${JSON.stringify(unknown[1])}`)
  const { base_model_name_or_path: base, task_type: task, use_rslora: isRankStabilized } = fields
  const rankOf = byPattern(fields.rank_pattern, fields.r, file)
  const alphaOf = byPattern(fields.alpha_pattern, fields.lora_alpha, file)
  const targets = targetsOf(fields, file)
  return {
    file,
    ...(base && { base }),
    ...(task != null && { isClassifier: task === 'SEQ_CLS' }),
    rankOf,
    scaleOf: (layer) => alphaOf(layer) / (isRankStabilized ? Math.sqrt(rankOf(layer)) : rankOf(layer)),
    ...(targets && { targets }),
  }
}

function targetsOf(fields: z.output<typeof schema>, file: string): ((layer: string) => boolean) | undefined {
  const { target_modules: targets, exclude_modules: excluded, modules_to_save: saved, layers_to_transform: layers } = fields
  if (targets == null || targets === 'all-linear' || fields.layers_pattern != null) return undefined
  const isTarget = fits(targets, file)
  const isExcluded = excluded == null || excluded.length === 0 ? () => false : fits(excluded, file)
  const isSaved = (layer: string) => (saved ?? []).some((name) => layer.split('.').includes(name))
  const numbers = layers == null ? [] : [layers].flat()
  const inLayers = (layer: string) =>
    numbers.length === 0 || typeof targets === 'string' || numbers.includes(Number(/\.(\d+)\./.exec(layer)?.[1]))
  return (layer) => isTarget(layer) && !isExcluded(layer) && !isSaved(layer) && inLayers(layer)
}
