import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ModelError } from '../../../core/errors.js'
import { type Tensors, tensorsOf } from '../weights/safetensors.js'
import { readSafetensorsHeader } from '../weights/safetensorsHeader.js'
import { type Dtype, FLOAT_TYPES, type LowRankUpdate, type StoredTensor, type Tensor } from '../weights/storedTensor.js'
import type { AdapterConfig } from './adapterConfig.js'

export const ADAPTER_WEIGHTS = 'adapter_model.safetensors'

/** A layer's two matrices. */
type Pair = { a?: StoredTensor; b?: StoredTensor; transposed: boolean }

/** The contents of an adapter's file by the base's names: pairs of matrices per layer, and whole tensors that replace the base's. */
type Found = Readonly<{ pairs: ReadonlyMap<string, Pair>; whole: ReadonlyMap<string, StoredTensor> }>

/** GPT-2's layers are transposed, whatever `fan_in_fan_out` says. */
const CONV1D = /^(transformer\.)?h\.\d+\..*\.(c_attn|c_proj|c_fc)$/

async function readStored(folder: string): Promise<ReadonlyMap<string, StoredTensor>> {
  const file = join(folder, ADAPTER_WEIGHTS)
  const names = await readdir(folder)
  if (!names.includes(ADAPTER_WEIGHTS)) {
    const pickled = names.find((name) => /^adapter_model\.(bin|pt)$/.test(name))
    throw new ModelError(
      pickled === undefined
        ? `Expected ${file}, found no such file`
        : `Expected ${ADAPTER_WEIGHTS} in ${folder}, got only ${pickled}: pickled weights are refused, because reading them can run code`,
    )
  }
  const stored = new Map<string, StoredTensor>()
  for (const [name, entry] of await readSafetensorsHeader(file)) {
    const dtype = FLOAT_TYPES.find((type) => type === entry.dtype) as Dtype | undefined
    if (dtype === undefined)
      throw new ModelError(`Expected tensor \`${name}\` in ${file} to be one of ${FLOAT_TYPES.join(', ')}, got ${entry.dtype}`)
    stored.set(name, { ...entry, dtype, file })
  }
  return stored
}

const MATRIX = /^(.+)\.lora_(embedding_)?([AB])(?:\.default)?(?:\.weight)?$/

/** @throws ModelError for a tensor of an unsupported kind of adapter, with its name */
function sort(stored: ReadonlyMap<string, StoredTensor>, nameOf: (name: string) => string, file: string): Found {
  const pairs = new Map<string, Pair>()
  const whole = new Map<string, StoredTensor>()
  for (const [name, tensor] of stored) {
    const bare = name.replace(/^base_model\.model\./, '').replace(/\.(base_layer|modules_to_save(\.default)?)(?=\.)/, '')
    const [, layer, isEmbedding, side] = MATRIX.exec(bare) ?? []
    if (layer !== undefined) {
      const base = nameOf(`${layer}.weight`).replace(/\.weight$/, '')
      const pair = pairs.get(base) ?? { transposed: isEmbedding !== undefined || CONV1D.test(base) }
      pair[side === 'A' ? 'a' : 'b'] = tensor
      pairs.set(base, pair)
    } else if (/\.lora_|\.vera_|\.oft_|\.ia3_|token_adapter/.test(bare))
      throw new ModelError(`Expected matrices \`lora_A\` and \`lora_B\` of layers in ${file}, got \`${name}\``)
    else whole.set(nameOf(bare), tensor)
  }
  return { pairs, whole }
}

/** Translates an adapter's names to the base's. They come from the class in training, and a base may have its body with or without a prefix. */
function baseNames(tensors: Tensors) {
  return (name: string): string =>
    [name, `model.${name}`, `transformer.${name}`, name.replace(/^(model|transformer)\./, '')].find(tensors.has) ?? name
}

function updateOf(layer: string, pair: Pair, base: Tensor, config: AdapterConfig): LowRankUpdate {
  const { a, b, transposed } = pair
  const { file } = config
  if (!a || !b) throw new ModelError(`Expected both \`lora_A\` and \`lora_B\` of \`${layer}\` beside ${file}, found one`)
  if (config.targets?.(layer) === false)
    throw new ModelError(`Expected \`target_modules\` in ${file} to name \`${layer}\`, because the adapter has matrices for it`)
  const [rows, columns] = transposed ? [...base.shape].reverse() : base.shape
  const rank = config.rankOf(layer)
  const shapes = [a.shape, b.shape].map((shape) => `[${shape.join(', ')}]`)
  const expected = [`[${rank}, ${columns}]`, `[${rows}, ${rank}]`]
  if (shapes.join() !== expected.join())
    throw new ModelError(
      `Expected matrices of \`${layer}\` beside ${file} of shapes ${expected.join(' and ')}, got ${shapes.join(' and ')}`,
    )
  return { a, b, scale: config.scaleOf(layer), transposed }
}

/**
 * Merges a LoRA adapter into the tensors of its base model: `W + scale · B · A` for each layer that it changes. Its whole tensors replace the base's.
 *
 * @throws ModelError if the adapter does not fit the base, or lacks a layer that its config names
 * @see PEFT 0.21 `merge_and_unload`
 */
export async function adapterTensors(folder: string, config: AdapterConfig, base: Tensors, isTied: boolean): Promise<Tensors> {
  const file = join(folder, ADAPTER_WEIGHTS)
  const { pairs, whole } = sort(await readStored(folder), baseNames(base), file)
  const merged = new Map<string, Tensor>(base.entries)
  for (const [layer, pair] of pairs) {
    const name = `${layer}.weight`
    const tensor = base.entries.get(name)
    if (isTied && /(^|\.)(lm_head|embed_tokens|wte)$/.test(layer))
      throw new ModelError(
        `Expected an adapter that does not change the embedding, because the output projection shares its tensor; ${file} changes \`${layer}\``,
      )
    if (!tensor) throw new ModelError(`Expected a layer \`${layer}\` in the base model, because ${file} changes it, found none`)
    const update = updateOf(layer, pair, tensor, config)
    merged.set(name, { ...tensor, recipe: { ...tensor.recipe, updates: [...(tensor.recipe?.updates ?? []), update] } })
  }
  for (const [name, tensor] of base.entries) {
    const layer = name.replace(/\.weight$/, '')
    if (tensor.shape.length === 2 && layer !== name && config.targets?.(layer) && !pairs.has(layer))
      throw new ModelError(
        `Expected matrices of \`${layer}\` in ${file}, because \`target_modules\` in ${config.file} names it, found none`,
      )
  }
  for (const [name, tensor] of whole) {
    const embedding = isTied && /(^|\.)(embed_tokens|wte)\.weight$/.test(name) && !whole.has('lm_head.weight')
    // PEFT replaces only the embedding. The output projection keeps the shared tensor.
    if (embedding && base.entries.has(name)) merged.set('lm_head.weight', base.entries.get(name)!)
    merged.set(name, tensor)
  }
  return tensorsOf(merged, `${file} and its base model`)
}
