import type { GraphBuilder, Value } from '../builder.js'

/** Takes [B, R, size] of [B, S, size], at positions int64 [B, R]. */
export function reader(graph: GraphBuilder, positions: Value): (values: Value) => Value {
  const indices = graph.node('Unsqueeze', [positions, graph.constant('axis', BigInt64Array.of(-1n), [1])])
  return (values) => graph.node('GatherND', [values, indices], { attributes: { batch_dims: { int: 1 } } })
}
