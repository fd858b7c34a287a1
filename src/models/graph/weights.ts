import { basename } from 'node:path'
import type { Dtype, Tensors } from '../checkpoint/safetensors.js'
import type { GraphBuilder, Value } from './builder.js'
import type { ElementType } from './tensorTypes.js'

const storedTypes: Readonly<Record<Dtype, ElementType>> = { F32: 'float', F16: 'float16', BF16: 'bfloat16' }

/** A checkpoint's weights as values of a graph; remembers which were taken. */
export type Weights = Readonly<{
  /** The tensor of that name and shape as it is stored. */
  stored(name: string, shape: readonly number[]): Value
  /** The same in fp32; the runtime widens it once, when it loads the graph. */
  float(name: string, shape: readonly number[]): Value
  readonly taken: ReadonlySet<string>
}>

/** @throws ModelError from `require`: a tensor that is missing, of another shape or of a type that cannot be read */
export function graphWeights(graph: GraphBuilder, tensors: Pick<Tensors, 'require'>): Weights {
  const taken = new Set<string>()
  const widened = new Map<string, Value>()

  const take = (name: string, shape: readonly number[]) => {
    taken.add(name)
    const { file, dtype, begin, length } = tensors.require(name, shape)
    const type = storedTypes[dtype]
    return { type, value: graph.external(name, type, shape, { location: basename(file), begin, length }) }
  }

  return {
    taken,
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
  }
}
