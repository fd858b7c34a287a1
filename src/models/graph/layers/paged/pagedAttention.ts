import type { GraphBuilder, Value } from '../../builder.js'
import type { Mask } from '../../masks.js'
import type { AttentionOptions, AttentionSize } from '../attention.js'

type Span = (name: string) => Value

/** What hides a position: a finite number so far below the scores that its exponential is an exact zero. */
const HIDDEN = -1e9

/** float [L, 1, S, T]: 0 where a token attends to a position, else `HIDDEN`. */
export function maskBias(
  whole: GraphBuilder,
  positions: Value,
  { pastEnd, branchEnd }: Readonly<{ pastEnd: Value; branchEnd: Value }>,
  span: Span,
  window: Mask['window'],
): Value {
  const local = window !== undefined
  const graph = whole.scope(local ? 'local_mask' : 'mask')
  const seen = graph.numbers('seen', Float32Array.of(0), [])
  const hidden = graph.numbers('hidden', Float32Array.of(HIDDEN), [])
  const branchStart = span(local ? 'local_branch_start' : 'branch_start')
  // The past ends before the branch starts, so each position has one bound.
  const end = graph.node('Where', [graph.node('Less', [positions, branchStart]), pastEnd, branchEnd], { name: 'end' })
  const before = graph.node('Less', [positions, end])
  const within = local ? graph.node('And', [before, graph.node('GreaterOrEqual', [positions, span('local_past_start')])]) : before
  const bias = graph.node('Where', [within, seen, hidden])
  return graph.node('Unsqueeze', [bias, graph.constant('heads', BigInt64Array.of(1n), [1])])
}

/** `key` and `value` float [L, heads, T, headDim]; `empty` float [L, 0, heads · headDim]. */
type Attended = Readonly<{ query: Value; key: Value; value: Value; bias: Value; empty: Value }>

/** The runtime's attention without a copy reads so many numbers at once. */
const VECTOR = 4

/** Attention of [L, S, heads · headDim] over the cached positions: one node unless scores are capped or heads are of an odd size. */
export function pagedAttention(
  graph: GraphBuilder,
  { query, key, value, bias, empty }: Attended,
  { heads, headDim }: AttentionSize,
  { scale = 1 / Math.sqrt(headDim), softCap }: AttentionOptions = {},
): Value {
  // With keys and values as the past and none beside it, the runtime reads them where they are. It ignores a past without outputs for it.
  if (softCap === undefined && headDim % VECTOR === 0)
    return graph.nodes('MultiHeadAttention', [query, empty, empty, '', '', bias, key, value], 3, {
      domain: 'com.microsoft',
      attributes: { num_heads: { int: heads }, scale: { float: scale } },
    })[0]!
  const turned = (given: Value, name: string, perm: readonly number[]) =>
    graph.node('Transpose', [given], { name: `${name}/turned`, attributes: { perm: { ints: perm } } })
  // A cap is a factor of the scores before and after its tanh.
  const factor = graph.numbers('scale', Float32Array.of(scale / (softCap ?? 1)), [])
  const scaled = graph.node('Mul', [query, factor], { name: 'scaled' })
  const queries = turned(reshaped(graph, scaled, 'query/heads', 0, 0, heads, headDim), 'query', [0, 2, 1, 3])
  const scores = graph.node('MatMul', [queries, turned(key, 'keys', [0, 1, 3, 2])], { name: 'scores' })
  const cap = (value: number) => graph.numbers('cap', Float32Array.of(value), [])
  const capped =
    softCap === undefined ? scores : graph.node('Mul', [graph.node('Tanh', [scores]), cap(softCap)], { name: 'capped' })
  const masked = graph.node('Add', [capped, bias], { name: 'masked' })
  const probabilities = graph.node('Softmax', [masked], { attributes: { axis: { int: -1 } } })
  const sums = graph.node('MatMul', [probabilities, value], { name: 'sums' })
  return reshaped(graph, turned(sums, 'sums', [0, 2, 1, 3]), 'joined', 0, 0, heads * headDim)
}

export function reshaped(graph: GraphBuilder, values: Value, name: string, ...dims: number[]): Value {
  const shape = graph.constant(`${name}/shape`, BigInt64Array.from(dims, BigInt), [dims.length])
  return graph.node('Reshape', [values, shape], { name })
}
