import type { ModelConfig } from '../models/checkpoint/config.js'
import type { Tensors } from '../models/checkpoint/safetensors.js'
import { BLOCK } from '../models/graph/quantize.js'
import type { TensorInMemory } from '../models/graph/weights.js'
import { cacheBytesPerToken } from '../models/runtime/cacheShape.js'

/** Three digits and a unit: `5.47 M`. */
const scaled = (value: number, units: readonly string[]): string => {
  const unit = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3))
  return `${Number((value / 1000 ** unit).toPrecision(3))} ${units[unit]}`.trimEnd()
}

/** A number of things: `5.47 M`. */
export const count = (value: number): string => scaled(value, ['', 'k', 'M', 'B', 'T'])

/** A number of bytes, in powers of ten: `21.9 MB`. */
export const bytes = (value: number): string => scaled(value, ['B', 'kB', 'MB', 'GB', 'TB'])

export type ModelSize = Readonly<{
  parameters: number
  /** Element types of the weights' files, the commonest first. */
  dtypes: readonly string[]
  /** Bytes of the weights once they are loaded: fp32 but for those that are rounded, a tied embedding twice. */
  weightBytes: number
  /** Bytes of keys and values a token. */
  cacheBytes: number
}>

const elements = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1)

/** A block of codes and its fp32 scale instead of fp32 weights. */
const bytesSaved = ({ shape, bits }: TensorInMemory): number => (bits ? elements(shape) * (4 - bits / 8 - 4 / BLOCK) : 0)

/** What a model takes in memory, out of the headers of its files. */
export function sizeOf(config: ModelConfig, tensors: Tensors, inMemory: readonly TensorInMemory[] = []): ModelSize {
  const all = [...tensors.entries.values()]
  const parameters = all.reduce((sum, { shape }) => sum + elements(shape), 0)
  const byType = new Map<string, number>()
  for (const { dtype, shape } of all) byType.set(dtype, (byType.get(dtype) ?? 0) + elements(shape))
  const tied = config.head === 'lm' && config.tieWordEmbeddings ? config.vocabSize * config.hiddenSize : 0
  return {
    parameters,
    dtypes: [...byType].sort(([, a], [, b]) => b - a).map(([dtype]) => dtype),
    weightBytes: 4 * (parameters + tied) - inMemory.reduce((sum, matrix) => sum + bytesSaved(matrix), 0),
    cacheBytes: cacheBytesPerToken(config),
  }
}
