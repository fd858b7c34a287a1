import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'
import { linear } from './linear.js'

export type GatedMlpSize = Readonly<{ hidden: number; intermediate: number; bias: boolean }>

/** `down(silu(gate(x)) · up(x))`: [..., hidden] → [..., hidden]. */
export function gatedMlp(graph: GraphBuilder, weights: Weights, input: Value, path: string, size: GatedMlpSize): Value {
  const { hidden, intermediate, bias } = size
  const wide = { from: hidden, to: intermediate, bias }
  const gate = linear(graph, weights, input, `${path}.gate_proj`, wide)
  const up = linear(graph, weights, input, `${path}.up_proj`, wide)
  const silu = graph.node('Mul', [gate, graph.node('Sigmoid', [gate])], { name: 'silu' })
  return linear(graph, weights, graph.node('Mul', [silu, up], { name: 'gated' }), `${path}.down_proj`, {
    from: intermediate,
    to: hidden,
    bias,
  })
}
