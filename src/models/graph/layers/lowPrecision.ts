import type { GraphBuilder, Real, Value } from '../builder.js'
import { elementTypes } from '../tensorTypes.js'

/** Converts values of the type `from` to the type of `graph`. */
export const cast = (graph: GraphBuilder, value: Value, from: Real, name: string): Value =>
  from === graph.real ? value : graph.node('Cast', [value], { name, attributes: { to: { int: elementTypes[graph.real] } } })

/**
 * Computes a part of the graph, from one input to one output of any size, in `lowPrecision`. The residual stream and attention stay in fp32: sharp
 * attention multiplies what is rounded before its softmax, and residual sums may exceed what fp16 can hold.
 */
export function computeInLowPrecision(
  graph: GraphBuilder,
  input: Value,
  name: string,
  write: (graph: GraphBuilder, input: Value) => Value,
): Value {
  const inner = graph.as(graph.lowPrecision)
  return cast(graph, write(inner, cast(inner, input, graph.real, `${name}/in`)), graph.lowPrecision, `${name}/out`)
}
