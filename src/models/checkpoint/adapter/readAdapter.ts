import { ModelError } from '../../../core/errors.js'
import type { Tensors } from '../weights/safetensors.js'
import { readAdapterConfig } from './adapterConfig.js'
import { joinAdapter } from './adapterPath.js'
import { adapterTensors } from './adapterTensors.js'
import type { Adapter } from './findAdapter.js'

type Json = Readonly<Record<string, unknown>>

/** A base model's config.json and tensors. */
type Base = Readonly<{ json: Json; file: string; tensors: Tensors }>

/** transformers' class of a classifier on a language model. */
const classifierOf = (name: string): string =>
  name === 'Gemma3ForCausalLM'
    ? 'Gemma3TextForSequenceClassification'
    : name.replace(/(ForCausalLM|LMHeadModel|Model)$/, 'ForSequenceClassification')

/**
 * Merges a LoRA adapter into its base model: the tensors, and the config if it makes a language model a classifier.
 *
 * @throws ModelError if the adapter is of an unsupported kind, or does not fit the base
 */
export async function readAdapter<B extends Base>(
  { folder, base: path }: Adapter,
  base: B,
): Promise<B & Readonly<{ folder: string }>> {
  const config = await readAdapterConfig(folder)
  const isTied = !base.tensors.has('lm_head.weight')
  const tensors = await adapterTensors(folder, config, base.tensors, isTied)
  const score = tensors.entries.get('score.weight')
  if (config.isClassifier && !score)
    throw new ModelError(
      `Expected \`score.weight\` among the tensors of ${folder}, because the adapter makes a classifier, found none`,
    )
  const [name] = Array.isArray(base.json.architectures) ? base.json.architectures : []
  const isNew = score !== undefined && !base.tensors.has('score.weight') && config.isClassifier !== false
  const labels = Object.fromEntries(Array.from({ length: score?.shape[0] ?? 0 }, (_, index) => [index, `LABEL_${index}`]))
  const classifier = isNew && { architectures: [classifierOf(String(name))], id2label: labels, num_labels: null }
  return { ...base, folder: joinAdapter(path, folder), json: { ...base.json, ...classifier }, tensors }
}
