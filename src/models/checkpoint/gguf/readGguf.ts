import { stat } from 'node:fs/promises'
import { MissingModelError, ModelError, messageOf } from '../../../core/errors.js'
import { isMissing } from '../readJson.js'
import { FLOAT_TYPES, type StoredTensor } from '../weights/storedTensor.js'
import { blocks } from './blocks.js'

/** The header of a GGUF file: metadata, and the location of each tensor by llama.cpp's name. Shapes are [rows, columns]. */
export type Gguf = Readonly<{
  file: string
  metadata: Readonly<Record<string, unknown>>
  tensors: ReadonlyMap<string, StoredTensor>
}>

export const isGguf = (path: string): boolean => path.endsWith('.gguf')

const TYPES = [...FLOAT_TYPES, ...(Object.keys(blocks) as (keyof typeof blocks)[])]

/** Weights per block of each type, and their bytes. */
const layouts: Readonly<Record<StoredTensor['dtype'], Readonly<{ size: number; bytes: number }>>> = {
  F32: { size: 1, bytes: 4 },
  F16: { size: 1, bytes: 2 },
  BF16: { size: 1, bytes: 2 },
  ...blocks,
}

/** Magic, version, and two counts. */
const SMALLEST = 24

/**
 * Reads the header of a GGUF file, not its weights.
 *
 * @throws ModelError if the file is not GGUF, truncated, one of several parts, big-endian, or has an unsupported tensor
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
export async function readGguf(file: string): Promise<Gguf> {
  const size = await sizeOf(file)
  if (size < SMALLEST) throw new ModelError(`Expected a GGUF file at ${file}, got ${size} bytes`)
  const { metadata, tensorInfos, tensorDataOffset, littleEndian, tensorInfoByteRange } = await parse(file)
  if (!littleEndian) throw new ModelError(`Expected ${file} to be little-endian, got a big-endian file`)
  if (metadata.version < 2) throw new ModelError(`Expected version 2 or 3 of GGUF in ${file}, got 1`)
  if (tensorInfoByteRange[1] > size)
    throw new ModelError(`Expected the header of ${file} to end within its ${size} bytes: the file is truncated`)
  const { version: _version, kv_count: keys, tensor_count: _tensors, ...fields } = metadata as Record<string, unknown>
  if (Object.keys(fields).length < Number(keys)) throw new ModelError(`Expected each key of ${file} once, got one twice`)
  const parts = fields['split.count']
  if (typeof parts === 'number' && parts > 1)
    throw new ModelError(
      `Expected a whole model in ${file}, got one of ${parts} parts. Join them with \`llama-gguf-split --merge\``,
    )
  const alignment = Number(fields['general.alignment'] ?? 32)
  if (!Number.isInteger(Math.log2(alignment)))
    throw new ModelError(`Expected \`general.alignment\` in ${file} to be a power of two, got ${alignment}`)
  const data = { file, begin: Number(tensorDataOffset), size, alignment }
  const tensors = new Map<string, StoredTensor>()
  for (const info of tensorInfos) {
    if (tensors.has(info.name)) throw new ModelError(`Expected tensor \`${info.name}\` once in ${file}, found it twice`)
    tensors.set(info.name, locate(info, data, await typeName(info.dtype)))
  }
  checkOverlap(tensors, file)
  return { file, metadata: fields, tensors }
}

async function sizeOf(file: string): Promise<number> {
  try {
    const found = await stat(file)
    if (found.isFile()) return found.size
  } catch (error) {
    if (isMissing(error)) throw new MissingModelError(`Expected a GGUF file at ${file}, found nothing there`)
    throw new ModelError(`Expected to read ${file}: ${messageOf(error)}`)
  }
  throw new ModelError(`Expected a GGUF file at ${file}, found a folder`)
}

/** Loads the library with the first file, so runs without GGUF files do not wait for it. */
async function parse(file: string) {
  const { gguf } = await import('@huggingface/gguf')
  try {
    return await gguf(file, { allowLocalFile: true })
  } catch (error) {
    throw new ModelError(`Expected a valid GGUF file at ${file}: ${messageOf(error)}`)
  }
}

async function typeName(type: number): Promise<string> {
  const { GGMLQuantizationType } = await import('@huggingface/gguf')
  return GGMLQuantizationType[type] ?? `number ${type}`
}

type Info = Readonly<{ name: string; shape: readonly bigint[]; offset: bigint }>

function locate(
  { name, shape: sides, offset }: Info,
  { file, begin, size, alignment }: Readonly<{ file: string; begin: number; size: number; alignment: number }>,
  type: string,
): StoredTensor {
  const dtype = TYPES.find((readable) => readable === type)
  if (dtype === undefined)
    throw new ModelError(`Expected tensor \`${name}\` in ${file} to be one of ${TYPES.join(', ')}, got ${type}`)
  const shape = sides.map(Number).reverse()
  const { size: together, bytes } = layouts[dtype]
  const columns = shape.at(-1) ?? 1
  if (columns % together !== 0)
    throw new ModelError(
      `Expected rows of tensor \`${name}\` in ${file} to be a multiple of ${together} (${dtype}), got ${columns}`,
    )
  const length = shape.reduce((product, side) => product * side, bytes / together)
  if (length === 0)
    throw new ModelError(`Expected tensor \`${name}\` in ${file} to hold weights, got shape [${shape.join(', ')}]`)
  if (Number(offset) % alignment !== 0)
    throw new ModelError(`Expected tensor \`${name}\` in ${file} to begin at a multiple of ${alignment}, got offset ${offset}`)
  const at = begin + Number(offset)
  if (at + length > size)
    throw new ModelError(
      `Expected tensor \`${name}\` to end within the ${size} bytes of ${file}, got ${at + length}: the file is truncated or its offsets are wrong`,
    )
  return { file, dtype, shape, begin: at, length }
}

function checkOverlap(tensors: ReadonlyMap<string, StoredTensor>, file: string): void {
  const inOrder = [...tensors].sort(([, one], [, other]) => one.begin - other.begin)
  let [end, last] = [0, '']
  for (const [name, { begin, length }] of inOrder) {
    if (begin < end) throw new ModelError(`Expected tensors of ${file} not to overlap, got \`${name}\` over \`${last}\``)
    ;[end, last] = [begin + length, name]
  }
}
