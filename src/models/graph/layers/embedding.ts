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
  const rowsOf = (table: Value) => graph.node('Gather', [table, ids], { name: 'embedding' })
  // A GPU may have no 16-bit numbers: its table is widened once.
  const wide =
    graph.device === 'webgpu'
      ? rowsOf(weights.float(name, shape))
      : graph.node('Cast', [rowsOf(weights.stored(name, shape))], { name: 'embedding/float', attributes: { to: { int: 1 } } })
  if (scale === undefined) return wide
  return graph.node('Mul', [wide, graph.constant('embedding/scale', Float32Array.of(scale), [])], { name: 'embedding/scaled' })
}
