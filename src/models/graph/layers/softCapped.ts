import type { GraphBuilder, Value } from '../builder.js'

/** `cap · tanh(x / cap)`: bounds values smoothly to ±cap. Returns them unchanged without a cap. */
export function softCapped(graph: GraphBuilder, values: Value, cap: number | undefined): Value {
  if (cap === undefined) return values
  const limit = graph.numbers('soft_cap', Float32Array.of(cap), [])
  const squashed = graph.node('Tanh', [graph.node('Div', [values, limit], { name: 'soft_cap/ratio' })], { name: 'soft_cap/tanh' })
  return graph.node('Mul', [squashed, limit], { name: 'soft_cap/capped' })
}
