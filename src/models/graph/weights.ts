import { basename, dirname } from 'node:path'
import { ModelError } from '../../core/errors.js'
import { blockLayout } from '../checkpoint/gguf/repackBlocks.js'
import type { Tensors } from '../checkpoint/weights/safetensors.js'
import { type Dtype, isPlain, type Tensor } from '../checkpoint/weights/storedTensor.js'
import type { GraphBuilder, Value } from './builder.js'
import { BLOCK, type WeightDtype } from './quantize.js'
import type { ElementType } from './tensorTypes.js'

const storedTypes: Readonly<Record<Dtype, ElementType>> = { F32: 'float', F16: 'float16', BF16: 'bfloat16' }

/**
 * A tensor that the graph does not read from its file. `path` is its location in the graph. With `bits` it is a matrix in blocks, with scales at
 * `path`.scales. Its weights are quantised (after a transposition if `transposed`) or, with `stored`, copied in the file's own blocks, with any
 * offsets at `path`.offsets.
 */
export type TensorInMemory = Tensor &
  Readonly<{ name: string; path: string; bits?: 4 | 8; transposed?: boolean; stored?: boolean }>

/**
 * A quantised matrix as values of the graph: `packed` uint8 [to, blocks, bytes per block] and `scales` float [to, blocks], with `block` weights per
 * block. `offsets` float [to, blocks] are added to each weight of a block.
 */
export type QuantizedValues = Readonly<{ bits: 4 | 8; block: number; packed: Value; scales: Value; offsets?: Value }>

/** A checkpoint's weights as values of a graph. It records the names that the graph uses. */
export type Weights = Readonly<{
  /** The tensor of this name and shape, in the checkpoint's type. */
  stored(name: string, shape: readonly number[]): Value
  /** The same in fp32. The runtime widens it once, when it loads the graph. */
  float(name: string, shape: readonly number[]): Value
  /**
   * The matrix [to, from] in blocks along `from`: the file's own blocks if it has some. Undefined if products are in fp32. `transposed`: the
   * checkpoint has it as [from, to].
   */
  quantized(name: string, shape: readonly [number, number], transposed?: boolean): QuantizedValues | undefined
  has(name: string): boolean
  /** Finds the prefix of `name` in this checkpoint among several possible ones. */
  prefixOf(name: string, prefixes: readonly string[]): string
  readonly usedNames: ReadonlySet<string>
  /**
   * All tensors, or none if the runtime can read every one from its file. The runtime reads from a single folder without following links out of
   * it, and only tensors that the file holds as the graph needs them.
   */
  readonly inMemory: readonly TensorInMemory[]
}>

/** A tensor's name as a file's. */
const fileName = (name: string): string => encodeURIComponent(name).replaceAll('*', '%2A')

const elements = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1)

/** @throws ModelError from `require`: a tensor is missing, has another shape or an unsupported type */
export function graphWeights(
  graph: GraphBuilder,
  tensors: Pick<Tensors, 'require' | 'has' | 'nameOf' | 'files' | 'entries'>,
  dtype: WeightDtype = 'fp32',
): Weights {
  const usedNames = new Set<string>()
  const widened = new Map<string, Value>()
  const inMemory = new Map<string, TensorInMemory>()
  const bits = { fp32: undefined, fp16: undefined, q8: 8, q4: 4 } as const

  const fromFiles =
    bits[dtype] === undefined && new Set(tensors.files.map(dirname)).size === 1 && [...tensors.entries.values()].every(isPlain)

  const take = (name: string, shape: readonly number[]) => {
    usedNames.add(name)
    const tensor = tensors.require(name, shape)
    const plain = isPlain(tensor)
    const { file, begin } = tensor
    const [type, length] = plain ? [storedTypes[tensor.dtype], tensor.length] : (['float', 4 * elements(shape)] as const)
    const path = fileName(name)
    if (!fromFiles) inMemory.set(name, { ...tensor, name, path })
    const data = fromFiles ? { location: basename(file), begin, length } : { location: path, begin: 0, length }
    return { type, value: graph.external(name, type, shape, data) }
  }

  return {
    usedNames,
    get inMemory() {
      return [...inMemory.values()]
    },
    stored: (name, shape) => take(name, shape).value,
    float(name, shape) {
      const { type, value } = take(name, shape)
      if (type === 'float') return value
      const known = widened.get(name)
      if (known !== undefined) return known
      const wide = graph.node('Cast', [value], { name: `${name}/float`, attributes: { to: { int: 1 } } })
      widened.set(name, wide)
      return wide
    },
    has: tensors.has,
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
      const external = (location: string, type: ElementType, dims: readonly number[], length: number) =>
        graph.external(location, type, dims, { location, begin: 0, length })
      return {
        bits: codeBits,
        block,
        packed: external(path, 'uint8', [to, blocks, bytes], to * blocks * bytes),
        scales: external(`${path}.scales`, 'float', [to, blocks], to * blocks * 4),
        ...(offsets && { offsets: external(`${path}.offsets`, 'float', [to, blocks], to * blocks * 4) }),
      }
    },
  }
}
