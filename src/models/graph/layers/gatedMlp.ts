import type { Activation } from '../../checkpoint/families/activation.js'
import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'
import { activation } from './activation.js'
import { linear } from './linear.js'
import { computeInLowPrecision } from './lowPrecision.js'

export type GatedMlpSize = Readonly<{ hidden: number; intermediate: number; bias: boolean; activation: Activation }>

/** `down(activation(gate(x)) · up(x))`: [..., hidden] → [..., hidden]. */
export function gatedMlp(graph: GraphBuilder, weights: Weights, input: Value, path: string, size: GatedMlpSize): Value {
  const { hidden, intermediate, bias } = size
  const wide = { from: hidden, to: intermediate, bias }
  return computeInLowPrecision(graph, input, 'mlp', (graph, input) => {
    const gate = linear(graph, weights, input, `${path}.gate_proj`, wide)
    const up = linear(graph, weights, input, `${path}.up_proj`, wide)
    return down(graph, weights, gate, up, path, size)
  })
}

/** The same with gate and up as the two halves of one projection, `gate_up_proj`. */
export function joinedGatedMlp(graph: GraphBuilder, weights: Weights, input: Value, path: string, size: GatedMlpSize): Value {
  const { hidden, intermediate, bias } = size
  return computeInLowPrecision(graph, input, 'mlp', (graph, input) => {
    const both = linear(graph, weights, input, `${path}.gate_up_proj`, { from: hidden, to: 2 * intermediate, bias })
    const [gate, up] = split(graph, both, [intermediate, intermediate], 'gate_up') as [Value, Value]
    return down(graph, weights, gate, up, path, size)
  })
}

function down(graph: GraphBuilder, weights: Weights, gate: Value, up: Value, path: string, size: GatedMlpSize): Value {
  const { hidden, intermediate, bias } = size
  const gated = graph.node('Mul', [activation(graph, gate, size.activation), up], { name: 'gated' })
  return linear(graph, weights, gated, `${path}.down_proj`, { from: intermediate, to: hidden, bias })
}

/** Splits the last axis into pieces of these sizes. */
export function split(graph: GraphBuilder, value: Value, sizes: readonly number[], name: string): Value[] {
  const lengths = graph.constant(`${name}/sizes`, BigInt64Array.from(sizes, BigInt), [sizes.length])
  return graph.nodes('Split', [value, lengths], sizes.length, { name, attributes: { axis: { int: -1 } } })
}
