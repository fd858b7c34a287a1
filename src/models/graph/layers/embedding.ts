import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'

/** Rows of a table: int64 [...] → float [..., width]. Rows are widened to fp32 after the look-up, the table stays as it is stored. */
export function embedding(
  graph: GraphBuilder,
  weights: Weights,
  ids: Value,
  name: string,
  shape: readonly [number, number],
): Value {
  const rows = graph.node('Gather', [weights.stored(name, shape), ids], { name: 'embedding' })
  return graph.node('Cast', [rows], { name: 'embedding/float', attributes: { to: { int: 1 } } })
}
