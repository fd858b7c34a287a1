import type { ModelConfig } from '../models/checkpoint/config.js'
import type { Tensors } from '../models/checkpoint/safetensors.js'
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
  /** Bytes of the weights once they are loaded: fp32, a tied embedding twice. */
  weightBytes: number
  /** Bytes of keys and values a token. */
  cacheBytes: number
}>

const elements = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1)

/** What a model takes in memory, out of the headers of its files. */
export function sizeOf(config: ModelConfig, tensors: Tensors): ModelSize {
  const all = [...tensors.entries.values()]
  const parameters = all.reduce((sum, { shape }) => sum + elements(shape), 0)
  const byType = new Map<string, number>()
  for (const { dtype, shape } of all) byType.set(dtype, (byType.get(dtype) ?? 0) + elements(shape))
  const tied = config.head === 'lm' && config.tieWordEmbeddings ? config.vocabSize * config.hiddenSize : 0
  return {
    parameters,
    dtypes: [...byType].sort(([, a], [, b]) => b - a).map(([dtype]) => dtype),
    weightBytes: 4 * (parameters + tied),
    cacheBytes: cacheBytesPerToken(config),
  }
}
