import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'
import { linear } from './linear.js'

/** `weight`, `bias`: names of tensors [labels, from] and [labels]; `label`: the row to use. */
export type LabelHead = Readonly<{ weight: string; bias?: string; from: number; labels: number; label: number }>

/** The score of one label of a linear head: [..., from] → [..., 1]. Never quantised: it costs almost nothing and decides the reward. */
export function labelScore(graph: GraphBuilder, weights: Weights, input: Value, head: LabelHead): Value {
  const { weight, bias, from, labels, label } = head
  const index = labels > 1 ? graph.constant('label', BigInt64Array.of(BigInt(label)), [1]) : undefined
  const rowOf = (tensor: Value, name: string) => (index === undefined ? tensor : graph.node('Gather', [tensor, index], { name }))
  const row = rowOf(weights.real(weight, [labels, from], graph.real), 'label/weight')
  const column = graph.node('Transpose', [row], { name: 'label/column', attributes: { perm: { ints: [1, 0] } } })
  const product = graph.node('MatMul', [input, column], { name: 'label/product' })
  return bias === undefined
    ? product
    : graph.node('Add', [product, rowOf(weights.real(bias, [labels], graph.real), 'label/bias')])
}

/**
 * `tanh(dense(x))`: [B, size] → [B, size]; `path` names the dense layer. Never quantised: it costs almost nothing, and one text would be a product
 * of one row (see `needsEvenRows`).
 */
export function pooler(graph: GraphBuilder, weights: Weights, pooled: Value, path: string, size: number): Value {
  return graph.node('Tanh', [linear(graph, weights, pooled, path, { from: size, to: size, bias: true, exact: true })], {
    name: 'tanh',
  })
}
