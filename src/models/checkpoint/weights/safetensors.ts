import { readdir } from 'node:fs/promises'
import { ModelError } from '../../../core/errors.js'
import { isBlockType } from '../gguf/blocks.js'
import { refuseQuantizedTensors } from './refuseQuantized.js'
import { type HeaderEntry, readSafetensorsHeader } from './safetensorsHeader.js'
import { FLOAT_TYPES, type Tensor } from './storedTensor.js'
import { findWeights, listedIn, resolveInside, VALUE_HEAD_FILE, type WeightFiles } from './weightFiles.js'

/** The weights of a model by name. Only headers are read. */
export interface Tensors {
  /** Tensors of a supported type, without buffers that follow from the config. */
  readonly entries: ReadonlyMap<string, Tensor>
  /** Names of tensors of any type, without these buffers. */
  readonly names: readonly string[]
  /** Real paths of the files. */
  readonly files: readonly string[]
  has(name: string): boolean
  /**
   * Finds which of several names a tensor is stored under: versions of a library differ in their prefixes.
   *
   * @throws ModelError unless exactly one of them exists
   */
  nameOf(names: readonly string[]): string
  /**
   * Gets the tensor of that name and shape.
   *
   * @throws ModelError when it does not exist, has another shape (the message has both), or its type is not supported
   */
  require(name: string, shape: readonly number[]): Tensor
}

type Located = Tensor | (HeaderEntry & Readonly<{ file: string }>)

/**
 * Buffers that older versions of transformers stored beside the weights and that follow from the config: causal masks, rotary angles,
 * position ids, token type ids, a version.
 */
const BUFFERS = [
  /(^|\.)(attn|attention)\.(bias|masked_bias)$/,
  /(^|\.)rotary_emb\.(inv_freq|original_inv_freq|cos_cached|sin_cached)$/,
  /(^|\.)embeddings\.(position_ids|token_type_ids)$/,
  /(^|\.)decoder\.version$/,
]

/** Whether a tensor follows from the config, so that nothing needs to read it. */
export const isBuffer = (name: string): boolean => BUFFERS.some((pattern) => pattern.test(name))

const sides = (shape: readonly number[]): string => `[${shape.join(', ')}]`
const isReadable = (tensor: Located): tensor is Tensor =>
  FLOAT_TYPES.some((dtype) => dtype === tensor.dtype) || isBlockType(tensor.dtype)

/** Finds the tensors of all files. A tensor that several shards hold comes from the shard in the index. */
async function locate(folder: string, files: WeightFiles): Promise<Map<string, Located>> {
  const where = listedIn(folder, files)
  const located = new Map<string, Located>()
  const listed = new Set<string>()
  for (const name of files.names) {
    const file = await resolveInside(folder, name, where)
    for (const [tensor, entry] of await readSafetensorsHeader(file)) {
      const shard = files.shardOf?.get(tensor)
      if (shard === name) listed.add(tensor)
      if (shard === undefined || shard === name) located.set(tensor, { ...entry, file })
    }
  }
  for (const [tensor, name] of files.shardOf ?? [])
    if (!listed.has(tensor)) throw new ModelError(`Expected tensor \`${tensor}\` in ${name}, where ${where} puts it, found none`)
  return located
}

/** Adds the tensors of a separate value head file, if the folder has one. */
async function addValueHead(folder: string, located: Map<string, Located>): Promise<void> {
  const listing = await readdir(folder)
  if (!listing.includes(VALUE_HEAD_FILE)) return
  const file = await resolveInside(folder, VALUE_HEAD_FILE, folder)
  for (const [tensor, entry] of await readSafetensorsHeader(file)) {
    const other = located.get(tensor)
    if (other) throw new ModelError(`Expected tensor \`${tensor}\` once in ${folder}, found it in ${other.file} and in ${file}`)
    located.set(tensor, { ...entry, file })
  }
}

/**
 * Reads the headers of a model folder's safetensors: one file or the shards of its index, and a separate value head.
 *
 * @throws ModelError when files or tensors are missing, a file is damaged, a name leaves the folder, or the weights are quantized
 */
export async function readSafetensors(folder: string): Promise<Tensors> {
  const weights = await findWeights(folder)
  const where = listedIn(folder, weights)
  const located = await locate(folder, weights)
  await addValueHead(folder, located)
  refuseQuantizedTensors(located, where)
  return tensorsOf(located, where)
}

/** @param where the file that lists the tensors, for messages */
export function tensorsOf(located: ReadonlyMap<string, Located>, where: string): Tensors {
  return {
    entries: new Map([...located].filter((entry): entry is [string, Tensor] => isReadable(entry[1]) && !isBuffer(entry[0]))),
    names: [...located.keys()].filter((name) => !isBuffer(name)),
    files: [...new Set([...located.values()].map(({ file }) => file))],
    has: (name) => located.has(name),
    nameOf(names) {
      const found = names.filter((name) => located.has(name))
      if (found.length === 1) return found[0]!
      const listed = (all: readonly string[]) => all.map((name) => `\`${name}\``).join(', ')
      throw new ModelError(`Expected one of the tensors ${listed(names)} in ${where}, found ${listed(found) || 'none'}`)
    },
    require(name, shape) {
      const tensor = located.get(name)
      if (tensor === undefined) throw new ModelError(`Expected tensor \`${name}\` ${sides(shape)} in ${where}, found none`)
      if (!isReadable(tensor))
        throw new ModelError(
          `Expected tensor \`${name}\` in ${where} to be one of ${FLOAT_TYPES.join(', ')}, got ${tensor.dtype}`,
        )
      if (tensor.shape.length !== shape.length || tensor.shape.some((side, axis) => side !== shape[axis]))
        throw new ModelError(`Expected tensor \`${name}\` in ${where} to have shape ${sides(shape)}, got ${sides(tensor.shape)}`)
      return tensor
    },
  }
}
