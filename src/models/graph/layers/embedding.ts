import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'

/**
 * Rows of a table: int64 [...] → float [..., width]. Rows are widened to fp32 after the look-up, the table stays as it is stored; and
 * multiplied with `scale`, where there is one.
 */
export function embedding(
  graph: GraphBuilder,
  weights: Weights,
  ids: Value,
  name: string,
  shape: readonly [number, number],
  scale?: number,
): Value {
  const rows = graph.node('Gather', [weights.stored(name, shape), ids], { name: 'embedding' })
  const wide = graph.node('Cast', [rows], { name: 'embedding/float', attributes: { to: { int: 1 } } })
  if (scale === undefined) return wide
  return graph.node('Mul', [wide, graph.constant('embedding/scale', Float32Array.of(scale), [])], { name: 'embedding/scaled' })
}
