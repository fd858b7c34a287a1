import type { GraphProto, TensorProto } from '../graph/generated/onnx_pb.js'

/** All tensors of a graph: weights, attributes of nodes, and those of inner graphs. */
export function graphTensors(graph: Pick<GraphProto, 'node' | 'initializer'>): TensorProto[] {
  const attributes = graph.node.flatMap(({ attribute }) => attribute)
  const inner = attributes.flatMap(({ g, graphs }) => (g ? [g, ...graphs] : graphs))
  const own = attributes.flatMap(({ t, tensors }) => (t ? [t, ...tensors] : tensors))
  return [...graph.initializer, ...own, ...inner.flatMap(graphTensors)]
}
