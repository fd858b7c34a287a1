import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'

/** `offset` is added to the weight: 1 if the checkpoint stores `weight - 1`. */
export type RmsNormSize = Readonly<{ size: number; epsilon: number; offset?: number }>

/**
 * Root-mean-square norm over the last axis: `x / sqrt(mean(x²) + epsilon) · (offset + weight)`. It is one node of the runtime, which would fuse the
 * plain operators into the same node.
 */
export function rmsNorm(graph: GraphBuilder, weights: Weights, input: Value, path: string, norm: RmsNormSize): Value {
  const { size, epsilon, offset = 0 } = norm
  const name = path.slice(path.lastIndexOf('.') + 1)
  const weight = weights.real(`${path}.weight`, [size], graph.real)
  const scale =
    offset === 0
      ? weight
      : graph.node('Add', [weight, graph.numbers(`${name}/offset`, Float32Array.of(offset), [])], { name: `${name}/scale` })
  const summands = graph.device === 'webgpu' ? graph.removeNode(input, 'Add', 'residual/') : undefined
  if (summands) return normOfSum(graph, 'SkipSimplifiedLayerNormalization', summands, [scale], input, { name, epsilon })
  return graph.node('SimplifiedLayerNormalization', [input, scale], {
    name,
    attributes: { axis: { int: -1 }, epsilon: { float: epsilon }, stash_type: { int: 1 } },
  })
}

/** The norm of a residual sum, and the sum as `sum`, in one node: on a GPU each node costs about the same. */
export const normOfSum = (
  graph: GraphBuilder,
  op: 'SkipSimplifiedLayerNormalization' | 'SkipLayerNormalization',
  summands: readonly Value[],
  scaling: readonly Value[],
  sum: Value,
  { name, epsilon }: Readonly<{ name: string; epsilon: number }>,
): Value =>
  graph.nodes(op, [...summands, ...scaling], 4, {
    name,
    domain: 'com.microsoft',
    attributes: { epsilon: { float: epsilon } },
    outputs: [undefined, undefined, undefined, sum],
  })[0]!

/** The same norm over each head: [N, 1, heads · size]. */
export function headNorm(
  graph: GraphBuilder,
  weights: Weights,
  input: Value,
  path: string,
  { heads, ...norm }: RmsNormSize & Readonly<{ heads: number }>,
): Value {
  const name = path.slice(path.lastIndexOf('.') + 1)
  const reshape = (value: Value, part: string, ...dims: number[]) => {
    const shape = graph.constant(`${name}/${part}/shape`, BigInt64Array.from(dims, BigInt), [dims.length])
    return graph.node('Reshape', [value, shape], { name: `${name}/${part}` })
  }
  const split = reshape(input, 'split', 0, 0, heads, norm.size)
  return reshape(rmsNorm(graph, weights, split, path, norm), 'joined', 0, 0, heads * norm.size)
}
