import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'
import { linear } from './linear.js'

/**
 * `tanh(dense(x))`: [B, size] → [B, size]; `path` names the dense layer. Never quantised: it is no work to speak of, and a batch of one text
 * would be a product of one row (see `needsEvenRows`).
 */
export function pooler(graph: GraphBuilder, weights: Weights, pooled: Value, path: string, size: number): Value {
  return graph.node('Tanh', [linear(graph, weights, pooled, path, { from: size, to: size, bias: true, exact: true })], {
    name: 'tanh',
  })
}
