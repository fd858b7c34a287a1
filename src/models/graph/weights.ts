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
 * A tensor that the graph does not read from its file: where it lies, and under which path the graph looks for it. One with `bits` is a
 * matrix in blocks, its scales under `path`/scales: rounded, and with `transposed` its rows and columns change places before; or with
 * `stored` in the blocks that its file has, their offsets, if any, under `path`/offsets.
 */
export type TensorInMemory = Tensor &
  Readonly<{ name: string; path: string; bits?: 4 | 8; transposed?: boolean; stored?: boolean }>

/**
 * A quantised matrix as values of the graph: uint8 [to, blocks, bytes a block] and float [to, blocks], in blocks of so many weights.
 * `offsets` float [to, blocks] are added to each weight of a block.
 */
export type QuantizedValues = Readonly<{ bits: 4 | 8; block: number; packed: Value; scales: Value; offsets?: Value }>

/** A checkpoint's weights as values of a graph; remembers which were taken. */
export type Weights = Readonly<{
  /** The tensor of that name and shape as it is stored. */
  stored(name: string, shape: readonly number[]): Value
  /** The same in fp32; the runtime widens it once, when it loads the graph. */
  float(name: string, shape: readonly number[]): Value
  /**
   * The matrix [to, from] in blocks along `from`, those of the file where it has some; nothing where weights are computed with in fp32.
   * `transposed`: the checkpoint has it as [from, to].
   */
  quantized(name: string, shape: readonly [number, number], transposed?: boolean): QuantizedValues | undefined
  has(name: string): boolean
  /** What stands in front of `name` where a checkpoint may have it under one of several prefixes. */
  prefixOf(name: string, prefixes: readonly string[]): string
  readonly taken: ReadonlySet<string>
  /**
   * All tensors, where some are not in their file as the graph takes them or the files lie in several folders: the runtime reads from one
   * folder, and follows no links out of it, or from none.
   */
  readonly inMemory: readonly TensorInMemory[]
}>

const elements = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1)

/** @throws ModelError from `require`: a tensor that is missing, of another shape or of a type that cannot be read */
export function graphWeights(
  graph: GraphBuilder,
  tensors: Pick<Tensors, 'require' | 'has' | 'nameOf' | 'files' | 'entries'>,
  dtype: WeightDtype = 'fp32',
): Weights {
  const taken = new Set<string>()
  const widened = new Map<string, Value>()
  const inMemory = new Map<string, TensorInMemory>()
  const bits = { fp32: undefined, fp16: undefined, q8: 8, q4: 4 } as const

  const fromFiles =
    bits[dtype] === undefined && new Set(tensors.files.map(dirname)).size === 1 && [...tensors.entries.values()].every(isPlain)

  const take = (name: string, shape: readonly number[]) => {
    taken.add(name)
    const tensor = tensors.require(name, shape)
    const plain = isPlain(tensor)
    const { file, begin } = tensor
    const [type, length] = plain ? [storedTypes[tensor.dtype], tensor.length] : (['float', 4 * elements(shape)] as const)
    if (!fromFiles) inMemory.set(name, { ...tensor, name, path: name })
    const data = fromFiles ? { location: basename(file), begin, length } : { location: name, begin: 0, length }
    return { type, value: graph.external(name, type, shape, data) }
  }

  return {
    taken,
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
          `Expected the inputs of \`${name}\` to be a multiple of ${BLOCK} for weights in ${dtype}, got ${from}; use fp32`,
        )
      taken.add(name)
      const path = `${name}/${dtype}`
      const { bits: codeBits, size: block, offsets } = layout ?? { bits: width, size: BLOCK, offsets: false }
      inMemory.set(path, { ...tensor, name, path, bits: codeBits, transposed, stored: layout !== undefined })
      const [blocks, bytes] = [from / block, (block * codeBits) / 8]
      const external = (location: string, type: ElementType, dims: readonly number[], length: number) =>
        graph.external(location, type, dims, { location, begin: 0, length })
      return {
        bits: codeBits,
        block,
        packed: external(path, 'uint8', [to, blocks, bytes], to * blocks * bytes),
        scales: external(`${path}/scales`, 'float', [to, blocks], to * blocks * 4),
        ...(offsets && { offsets: external(`${path}/offsets`, 'float', [to, blocks], to * blocks * 4) }),
      }
    },
  }
}
