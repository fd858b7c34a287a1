import { basename, dirname } from 'node:path'
import { ModelError } from '../../core/errors.js'
import { blockLayout } from '../checkpoint/gguf/repackBlocks.js'
import type { Tensors } from '../checkpoint/weights/safetensors.js'
import { type Dtype, isPlain, type Tensor } from '../checkpoint/weights/storedTensor.js'
import type { GraphBuilder, Real, Value } from './builder.js'
import { BLOCK, type WeightDtype } from './quantize.js'
import { type ElementType, elementTypes } from './tensorTypes.js'

const storedTypes: Readonly<Record<Dtype, ElementType>> = { F32: 'float', F16: 'float16', BF16: 'bfloat16' }

/**
 * A tensor that the graph does not read from its file. `path` is its location in the graph. With `bits` it is a matrix in blocks, with scales at
 * `path`.scales. Its weights are quantised (after a transposition if `transposed`) or, with `stored`, copied in the file's own blocks, with any
 * offsets at `path`.offsets.
 */
export type TensorInMemory = Tensor &
  Readonly<{ name: string; path: string; bits?: 4 | 8; transposed?: boolean; stored?: boolean }>

/** Consecutive rows of a matrix as a value of the graph. */
export type Rows = Readonly<{ value: Value; rows: number }>

/**
 * Consecutive rows of a quantised matrix as values of the graph: `packed` uint8 [rows, blocks, bytes per block] and `scales` float [rows, blocks], with
 * `block` weights per block. `offsets` float [rows, blocks] are added to each weight of a block.
 */
export type QuantizedRows = Readonly<{
  rows: number
  bits: 4 | 8
  block: number
  packed: Value
  scales: Value
  offsets?: Value
}>

/** A checkpoint's weights as values of a graph. It records the names that the graph uses. */
export type Weights = Readonly<{
  /** The tensor of this name and shape, in the checkpoint's type. */
  stored(name: string, shape: readonly number[]): Value
  /**
   * The same in fp32 or fp16. The runtime converts it once, when it loads the graph.
   *
   * @throws ModelError if it is larger than the device's tensors
   */
  real(name: string, shape: readonly number[], type: Real): Value
  /** A matrix in fp32 or fp16, in as few parts as the device needs. */
  realRows(name: string, shape: readonly [number, number], type: Real): readonly Rows[]
  /**
   * The matrix [to, from] in blocks along `from`, in as few parts as the device needs: the file's own blocks if it has some. Undefined if nothing is
   * rounded. `transposed`: the checkpoint has it as [from, to].
   */
  quantized(name: string, shape: readonly [number, number], transposed?: boolean): readonly QuantizedRows[] | undefined
  has(name: string): boolean
  /** Whether the device takes a tensor of so many bytes. */
  fits(bytes: number): boolean
  /** Finds the prefix of `name` in this checkpoint among several possible ones. */
  prefixOf(name: string, prefixes: readonly string[]): string
  readonly usedNames: ReadonlySet<string>
  /** Names of tensors that the graph uses in fp16. */
  readonly halves: ReadonlySet<string>
  /**
   * All tensors, or none if the runtime can read every one from its file. The runtime reads from a single folder without following links out of
   * it, and only tensors that the file holds as the graph needs them.
   */
  readonly inMemory: readonly TensorInMemory[]
}>

/** A tensor's name as a file's. */
const fileName = (name: string): string => encodeURIComponent(name).replaceAll('*', '%2A')

/** Bytes of a number. */
export const REAL_BYTES: Readonly<Record<Real, number>> = { float: 4, float16: 2 }

const elements = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1)

/**
 * Most bytes of a tensor on a GPU. Every WebGPU device has buffers of 256 MiB, and the runtime binds them in pieces where the device binds less at once.
 *
 * @see WebGPU, limit `maxBufferSize`; onnxruntime `ProgramManager::CalculateSegmentsForInputsAndOutputs`
 */
export const GPU_TENSOR_BYTES = 2 ** 28

/** Parts of a matrix have a multiple of this many rows, so that each is multiplied by the same kernel. */
const ROWS_TOGETHER = 64

/** Cuts rows into equal parts of at most `most` rows. */
function cut(rows: number, most: number): Readonly<{ first: number; rows: number }>[] {
  if (rows <= most) return [{ first: 0, rows }]
  const even = Math.ceil(rows / Math.ceil(rows / Math.max(1, most)))
  const together = Math.ceil(even / ROWS_TOGETHER) * ROWS_TOGETHER
  const size = together <= most ? together : even
  return Array.from({ length: Math.ceil(rows / size) }, (_, i) => ({
    first: i * size,
    rows: Math.min(size, rows - i * size),
  }))
}

/**
 * `largest`: most bytes of a tensor of the graph. Larger matrices are cut into parts.
 *
 * @throws ModelError from `require`: a tensor is missing, has another shape or an unsupported type
 */
export function graphWeights(
  graph: GraphBuilder,
  tensors: Pick<Tensors, 'require' | 'has' | 'nameOf' | 'files' | 'entries'>,
  dtype: WeightDtype = 'fp32',
  largest: number = graph.device === 'webgpu' ? GPU_TENSOR_BYTES : Number.POSITIVE_INFINITY,
): Weights {
  const usedNames = new Set<string>()
  const halves = new Set<string>()
  const converted = new Map<string, Value>()
  const inMemory = new Map<string, TensorInMemory>()
  const bits = { fp32: undefined, fp16: undefined, q8: 8, q4: 4 } as const

  const fromFiles =
    bits[dtype] === undefined && new Set(tensors.files.map(dirname)).size === 1 && [...tensors.entries.values()].every(isPlain)

  const take = (name: string, shape: readonly number[], part = { first: 0, rows: shape[0] ?? 1 }) => {
    usedNames.add(name)
    const tensor = tensors.require(name, shape)
    const plain = isPlain(tensor)
    const { file, begin } = tensor
    const [type, length] = plain ? [storedTypes[tensor.dtype], tensor.length] : (['float', 4 * elements(shape)] as const)
    const path = fileName(name)
    if (!fromFiles) inMemory.set(name, { ...tensor, name, path })
    const bytesPerRow = length / (shape[0] ?? 1)
    const within = { begin: part.first * bytesPerRow, length: part.rows * bytesPerRow }
    const data = fromFiles ? { ...within, location: basename(file), begin: begin + within.begin } : { ...within, location: path }
    const dims = shape.length === 0 ? [] : [part.rows, ...shape.slice(1)]
    return { type, value: graph.external(partName(name, part, shape[0]), type, dims, data) }
  }

  const partName = (name: string, part: Readonly<{ first: number; rows: number }>, all = 1): string =>
    part.rows === all ? name : `${name}/rows/${part.first}+${part.rows}`

  const inType = (name: string, { type, value }: Readonly<{ type: ElementType; value: Value }>, wanted: Real): Value => {
    if (type === wanted) return value
    const as = `${name}/${wanted}`
    const known = converted.get(as)
    if (known !== undefined) return known
    const made = graph.node('Cast', [value], { name: as, attributes: { to: { int: elementTypes[wanted] } } })
    converted.set(as, made)
    return made
  }

  return {
    usedNames,
    halves,
    get inMemory() {
      return [...inMemory.values()]
    },
    stored: (name, shape) => take(name, shape).value,
    real(name, shape, type) {
      const bytes = REAL_BYTES[type] * elements(shape)
      if (bytes > largest)
        throw new ModelError(
          `Expected tensor \`${name}\` to have at most ${largest} bytes on a GPU, got ${bytes}. Use \`device\` cpu`,
        )
      if (type === 'float16') halves.add(name)
      return inType(name, take(name, shape), type)
    },
    realRows(name, [rows, columns], type) {
      if (type === 'float16') halves.add(name)
      return cut(rows, Math.floor(largest / (REAL_BYTES[type] * columns))).map((part) => ({
        value: inType(partName(name, part, rows), take(name, [rows, columns], part), type),
        rows: part.rows,
      }))
    },
    has: tensors.has,
    fits: (bytes) => bytes <= largest,
    prefixOf: (name, prefixes) => tensors.nameOf(prefixes.map((prefix) => prefix + name)).slice(0, -name.length),
    quantized(name, [to, from], transposed = false) {
      const width = bits[dtype]
      if (width === undefined) return undefined
      const tensor = tensors.require(name, transposed ? [from, to] : [to, from])
      const layout = blockLayout(tensor, transposed)
      if (!layout && from % BLOCK !== 0)
        throw new ModelError(
          `Expected the inputs of \`${name}\` to be a multiple of ${BLOCK} for ${dtype} weights, got ${from}. Use fp32`,
        )
      usedNames.add(name)
      const path = `${fileName(name)}.${dtype}`
      const { bits: codeBits, size: block, offsets } = layout ?? { bits: width, size: BLOCK, offsets: false }
      inMemory.set(path, { ...tensor, name, path, bits: codeBits, transposed, stored: layout !== undefined })
      const [blocks, bytes] = [from / block, (block * codeBits) / 8]
      return cut(to, Math.floor(largest / (blocks * Math.max(bytes, 4)))).map((part) => {
        const external = (location: string, type: ElementType, dims: readonly number[], bytesPerRow: number) => {
          const data = { location, begin: part.first * bytesPerRow, length: part.rows * bytesPerRow }
          return graph.external(partName(location, part, to), type, [part.rows, ...dims], data)
        }
        return {
          rows: part.rows,
          bits: codeBits,
          block,
          packed: external(path, 'uint8', [blocks, bytes], blocks * bytes),
          scales: external(`${path}.scales`, 'float', [blocks], blocks * 4),
          ...(offsets && { offsets: external(`${path}.offsets`, 'float', [blocks], blocks * 4) }),
        }
      })
    },
  }
}
