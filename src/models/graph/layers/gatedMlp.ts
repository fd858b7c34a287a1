import type { Activation } from '../../checkpoint/activation.js'
import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'
import { activation } from './activation.js'
import { linear } from './linear.js'

export type GatedMlpSize = Readonly<{ hidden: number; intermediate: number; bias: boolean; activation: Activation }>

/** `down(activation(gate(x)) · up(x))`: [..., hidden] → [..., hidden]. */
export function gatedMlp(graph: GraphBuilder, weights: Weights, input: Value, path: string, size: GatedMlpSize): Value {
  const { hidden, intermediate, bias } = size
  const wide = { from: hidden, to: intermediate, bias }
  const gate = linear(graph, weights, input, `${path}.gate_proj`, wide)
  const up = linear(graph, weights, input, `${path}.up_proj`, wide)
  const gated = graph.node('Mul', [activation(graph, gate, size.activation), up], { name: 'gated' })
  return linear(graph, weights, gated, `${path}.down_proj`, { from: intermediate, to: hidden, bias })
}
