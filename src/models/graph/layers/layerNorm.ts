import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'
import { normOfSum } from './rmsNorm.js'

export type LayerNormSize = Readonly<{
  size: number
  epsilon: number
  /** Whether the norm has weight and bias (default: true). */
  affine?: boolean
}>

/** Layer norm over the last axis: `(x - mean(x)) / sqrt(variance(x) + epsilon) · weight + bias`. */
export function layerNorm(
  graph: GraphBuilder,
  weights: Weights,
  input: Value,
  path: string,
  { size, epsilon, affine = true }: LayerNormSize,
): Value {
  const name = path.slice(path.lastIndexOf('.') + 1)
  const scaling = affine
    ? [weights.real(`${path}.weight`, [size], graph.real), weights.real(`${path}.bias`, [size], graph.real)]
    : [graph.numbers(`${name}/ones`, new Float32Array(size).fill(1), [size])]
  const summands = graph.device === 'webgpu' ? graph.removeNode(input, 'Add', 'residual/') : undefined
  if (summands) return normOfSum(graph, 'SkipLayerNormalization', summands, scaling, input, { name, epsilon })
  return graph.node('LayerNormalization', [input, ...scaling], {
    name,
    attributes: { axis: { int: -1 }, epsilon: { float: epsilon } },
  })
}
