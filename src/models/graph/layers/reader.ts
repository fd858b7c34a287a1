import type { GraphBuilder, Value } from '../builder.js'

/** Takes [R, 1, size] of [N, 1, size], at positions int64 [R]. */
export const reader =
  (graph: GraphBuilder, positions: Value) =>
  (values: Value): Value =>
    graph.node('Gather', [values, positions])
