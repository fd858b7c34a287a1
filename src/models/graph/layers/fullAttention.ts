import type { GraphBuilder, Value } from '../builder.js'

/** Queries, keys and values float [B, S, heads · headDim], and what is added to the scores: float [B, 1, 1, S]. */
export type FullAttention = Readonly<{ query: Value; key: Value; value: Value; bias: Value; heads: number; headDim: number }>

/** Attention of every token to every other one: [B, S, heads · headDim]. */
export function fullAttention(graph: GraphBuilder, { heads, headDim, bias, ...projected }: FullAttention): Value {
  const shape = (name: string, ...dims: number[]) =>
    graph.constant(`shape/${name}`, BigInt64Array.from(dims, BigInt), [dims.length])
  const perHead = shape('heads', 0, 0, heads, headDim)
  const split = (value: Value, perm: readonly number[], name: string) =>
    graph.node('Transpose', [graph.node('Reshape', [value, perHead], { name: `${name}/split` })], {
      name,
      attributes: { perm: { ints: perm } },
    })
  const scale = graph.constant('scale', Float32Array.of(1 / Math.sqrt(headDim)), [])
  const query = graph.node('Mul', [split(projected.query, [0, 2, 1, 3], 'query'), scale], { name: 'query/scaled' })
  const scores = graph.node('MatMul', [query, split(projected.key, [0, 2, 3, 1], 'key')], { name: 'scores' })
  const masked = graph.node('Add', [scores, bias], { name: 'masked' })
  const probabilities = graph.node('Softmax', [masked], { name: 'probabilities', attributes: { axis: { int: -1 } } })
  const sum = graph.node('MatMul', [probabilities, split(projected.value, [0, 2, 1, 3], 'value')], { name: 'sum' })
  const turned = graph.node('Transpose', [sum], { name: 'sum/turn', attributes: { perm: { ints: [0, 2, 1, 3] } } })
  return graph.node('Reshape', [turned, shape('joined', 0, 0, heads * headDim)], { name: 'joined' })
}
