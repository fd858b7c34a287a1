import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'

/**
 * Looks up rows of a table: int64 [...] → float [..., width]. The table keeps the checkpoint's type; rows are widened to fp32 after the look-up
 * and multiplied by `scale`, if any.
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
  // A GPU may lack 16-bit numbers, so its table is widened once.
  const wide =
    graph.device === 'webgpu'
      ? rowsOf(weights.float(name, shape))
      : graph.node('Cast', [rowsOf(weights.stored(name, shape))], { name: 'embedding/float', attributes: { to: { int: 1 } } })
  if (scale === undefined) return wide
  return graph.node('Mul', [wide, graph.constant('embedding/scale', Float32Array.of(scale), [])], { name: 'embedding/scaled' })
}
