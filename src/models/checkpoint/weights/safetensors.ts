import { ModelError } from '../../../core/errors.js'
import { refuseQuantizedTensors } from './refuseQuantized.js'
import { type HeaderEntry, readSafetensorsHeader } from './safetensorsHeader.js'
import { findWeights, listedIn, resolveInside, type WeightFiles } from './weightFiles.js'

const DTYPES = ['F32', 'F16', 'BF16'] as const

/** Element types that are read as weights. */
export type Dtype = (typeof DTYPES)[number]

/** Where a weight lies: real path of its file, byte offset from the start of that file, and length in bytes. */
export type Tensor = Readonly<{ file: string; dtype: Dtype; shape: readonly number[]; begin: number; length: number }>

/** The weights of a model by name; nothing but headers was read. */
export interface Tensors {
  /** All tensors of a type that can be read, but for what old versions of transformers stored and computed anew. */
  readonly entries: ReadonlyMap<string, Tensor>
  /** Real paths of the files. */
  readonly files: readonly string[]
  has(name: string): boolean
  /**
   * The one of several names under which a tensor is stored: versions of a library do not agree on prefixes.
   *
   * @throws ModelError when there is none of them, or more than one
   */
  nameOf(names: readonly string[]): string
  /**
   * The tensor of that name and shape.
   *
   * @throws ModelError when there is none, its shape is another (both are shown), or its type cannot be read
   */
  require(name: string, shape: readonly number[]): Tensor
}

type Located = HeaderEntry & Readonly<{ file: string }>

/** Causal masks and rotary frequencies: they follow from the config and are no weights. */
const BUFFER = /(^|\.)(attn|attention)\.(bias|masked_bias)$|(^|\.)rotary_emb\.inv_freq$/

const sides = (shape: readonly number[]): string => `[${shape.join(', ')}]`
const isReadable = (tensor: Located): tensor is Located & Tensor => DTYPES.some((dtype) => dtype === tensor.dtype)

/** Tensors of all files; those of shards only where the index puts them. */
async function locate(folder: string, files: WeightFiles): Promise<Map<string, Located>> {
  const where = listedIn(folder, files)
  const located = new Map<string, Located>()
  for (const name of files.names) {
    const file = await resolveInside(folder, name, where)
    for (const [tensor, entry] of await readSafetensorsHeader(file))
      if (files.shardOf === undefined || files.shardOf.get(tensor) === name) located.set(tensor, { ...entry, file })
  }
  for (const [tensor, name] of files.shardOf ?? [])
    if (!located.has(tensor)) throw new ModelError(`Expected tensor \`${tensor}\` in ${name}, where ${where} puts it, found none`)
  return located
}

/**
 * Reads the headers of a model folder's safetensors, one file or the shards of its index.
 *
 * @throws ModelError when files or tensors are missing, a file is damaged, a name leaves the folder, or the weights are quantized
 */
export async function readSafetensors(folder: string): Promise<Tensors> {
  const weights = await findWeights(folder)
  const where = listedIn(folder, weights)
  const located = await locate(folder, weights)
  refuseQuantizedTensors(located, where)
  return {
    entries: new Map(
      [...located].filter((entry): entry is [string, Located & Tensor] => isReadable(entry[1]) && !BUFFER.test(entry[0])),
    ),
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
        throw new ModelError(`Expected tensor \`${name}\` in ${where} to be one of ${DTYPES.join(', ')}, got ${tensor.dtype}`)
      if (tensor.shape.length !== shape.length || tensor.shape.some((side, axis) => side !== shape[axis]))
        throw new ModelError(`Expected tensor \`${name}\` in ${where} to have shape ${sides(shape)}, got ${sides(tensor.shape)}`)
      return tensor
    },
  }
}
