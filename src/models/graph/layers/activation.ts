import type { GraphBuilder, Value } from '../builder.js'

/** `silu(x) = x · sigmoid(x)`; `gelu_tanh(x) = x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))`. */
export type Activation = 'silu' | 'gelu_tanh'

/** An activation, element by element. */
export function activation(graph: GraphBuilder, input: Value, kind: Activation): Value {
  if (kind === 'gelu_tanh') return graph.node('FastGelu', [input], { name: 'gelu_tanh', domain: 'com.microsoft' })
  return graph.node('Mul', [input, graph.node('Sigmoid', [input])], { name: 'silu' })
}
