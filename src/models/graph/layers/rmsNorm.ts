import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'

/**
 * Root-mean-square norm over the last axis: `x / sqrt(mean(x²) + epsilon) · weight`. One node of the runtime's own: it would fuse the
 * plain operators into the same.
 */
export function rmsNorm(graph: GraphBuilder, weights: Weights, input: Value, path: string, size: number, epsilon: number): Value {
  const scale = weights.float(`${path}.weight`, [size])
  return graph.node('SimplifiedLayerNormalization', [input, scale], {
    name: path.slice(path.lastIndexOf('.') + 1),
    attributes: { axis: { int: -1 }, epsilon: { float: epsilon }, stash_type: { int: 1 } },
  })
}
