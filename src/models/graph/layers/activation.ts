import type { Activation } from '../../checkpoint/families/activation.js'
import type { GraphBuilder, Value } from '../builder.js'

type Write = (graph: GraphBuilder, input: Value) => Value

const own = { domain: 'com.microsoft' } as const

/** Uses the runtime's own operators where ONNX 1.12 has none. In all of them a row has the same bits at any batch size. */
const writers: Readonly<Record<Activation, Write>> = {
  relu: (graph, input) => graph.node('Relu', [input]),
  gelu: (graph, input) => graph.node('Gelu', [input], own),
  gelu_tanh: (graph, input) => graph.node('FastGelu', [input], own),
  quick_gelu: (graph, input) => graph.node('QuickGelu', [input], { ...own, attributes: { alpha: { float: 1.702 } } }),
  silu: (graph, input) => graph.node('Mul', [input, graph.node('Sigmoid', [input])], { name: 'silu' }),
  tanh: (graph, input) => graph.node('Tanh', [input]),
}

/** Applies an activation element by element. */
export const activation = (graph: GraphBuilder, input: Value, kind: Activation): Value => writers[kind](graph, input)
