import * as z from 'zod'
import { ModelError } from '../../core/errors.js'
import type { Head } from './decoderConfig.js'
import { type LlamaConfig, readLlamaConfig } from './llamaConfig.js'
import { type MistralConfig, readMistralConfig } from './mistralConfig.js'
import { checkJson } from './readJson.js'

export type { Head } from './decoderConfig.js'

/** The config of any supported family; `family` tells them apart. */
export type ModelConfig = LlamaConfig | MistralConfig

type Architecture = Readonly<{ head: Head; read: (json: unknown, head: Head, file: string) => ModelConfig }>

/** Architecture name in config.json → its family's reader and its head. A new family is a file like llamaConfig.ts and its rows here. */
export const architectures: ReadonlyMap<string, Architecture> = new Map<string, Architecture>([
  ['LlamaForCausalLM', { head: 'lm', read: readLlamaConfig }],
  ['LlamaForSequenceClassification', { head: 'reward', read: readLlamaConfig }],
  ['MistralForCausalLM', { head: 'lm', read: readMistralConfig }],
  ['MistralForSequenceClassification', { head: 'reward', read: readMistralConfig }],
])

const named = z.looseObject({
  architectures: z
    .array(z.string())
    .min(1)
    .describe(`a list with one of ${[...architectures.keys()].join(', ')}`),
  id2label: z.record(z.string(), z.unknown()).nullish().describe('an object'),
  num_labels: z.number().nullish().describe('a number'),
})

/** transformers writes `id2label` unless there are the two labels that it assumes. */
const labelsOf = ({ id2label, num_labels: labels }: z.output<typeof named>): number =>
  id2label ? Object.keys(id2label).length : (labels ?? 2)

function refuseQuantized(json: Readonly<Record<string, unknown>>, file: string): void {
  const quantization = json.quantization_config
  if (quantization == null) return
  const method = (quantization as Record<string, unknown>).quant_method
  throw new ModelError(
    `Expected weights in F32, F16 or BF16, but \`quantization_config\` in ${file} says that they are quantized${typeof method === 'string' ? ` (${method})` : ''}; use the model before quantization`,
  )
}

/**
 * Reads the content of a config.json: which architecture it is, and its validated, typed sizes and switches.
 *
 * @throws ModelError for an unknown architecture (listing the supported ones), quantized weights, a reward model with other
 * than one label, and any field that is missing, of the wrong type or not supported
 */
export function readConfig(json: Readonly<Record<string, unknown>>, file: string): ModelConfig {
  const fields = checkJson(named, json, file)
  const name = fields.architectures[0]!
  const architecture = architectures.get(name)
  if (architecture === undefined)
    throw new ModelError(`Unknown architecture \`${name}\` in ${file}; supported: ${[...architectures.keys()].join(', ')}`)
  refuseQuantized(json, file)
  if (architecture.head === 'reward' && labelsOf(fields) !== 1)
    throw new ModelError(`Expected one label in \`id2label\` of ${file}: a reward model has one output, got ${labelsOf(fields)}`)
  return architecture.read(json, architecture.head, file)
}
