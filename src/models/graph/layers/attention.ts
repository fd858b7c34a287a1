import type { GraphBuilder, Value } from '../builder.js'
import type { masksOf } from '../masks.js'
import type { Weights } from '../weights.js'
import { split } from './gatedMlp.js'
import type { RmsNormSize } from './rmsNorm.js'
import type { RopeTables } from './rope.js'
import { softCapped } from './softCapped.js'

export type AttentionSize = Readonly<{ heads: number; kvHeads: number; headDim: number }>

/** `scale` multiplies the scores (default 1 / √headDim). `softCap` bounds them before masking. */
export type AttentionOptions = Readonly<{ scale?: number; softCap?: number }>

/** The mask and the key lengths that all layers of a kind share. */
export type AttentionContext = Readonly<{
  /** float [B, 1, heads / kvHeads · S, T + S], added to the scores. */
  bias: Value
  /** int64 [2]: T and S. */
  lengths: Value
}>

/** Indices int64 that lay out heads. The rows of attention are padded to S places, the tokens outside are not. */
export type HeadRows = Readonly<{
  /** [B, heads, S] and [B, kvHeads, S]: indices into the heads of all tokens, [N · heads] and [N · kvHeads]. */
  query: Value
  key: Value
  /** [N, heads]: indices into [B · heads · S]. */
  place: Value
}>

/** Outputs of the projections: queries float [N, 1, heads · headDim], new keys and values float [N, 1, kvHeads · headDim]. */
export type Projected = Readonly<{ query: Value; key: Value; value: Value }>

/**
 * Queries, keys and values side by side: float [N, 1, (heads + 2 · kvHeads) · headDim]. All queries come first, then all keys, then all values; or, if
 * `perHead`, the query, key and value of each head.
 */
export type JointHeads = Readonly<{ joint: Value; perHead?: boolean }>

/** What is done to queries and keys before attention. `norm`: over each head, with `path`.q_norm and `path`.k_norm; `rope` rotates them after it. */
export type HeadOptions = Readonly<{
  norm?: Omit<RmsNormSize, 'size'> & Readonly<{ weights: Weights; path: string }>
  rope?: RopeTables
}>

/** float [B, kvHeads, T, headDim] each. */
export type Past = Readonly<{ key: Value; value: Value }>

export type DecoderSize = AttentionSize & Parameters<typeof masksOf>[0]

/** What the layers of every decoder share: inputs, cache and masks. */
export type DecoderFrame = Readonly<{
  /** [N, 1]: the new tokens of all sequences, one sequence after the other; int64, or int32 on a GPU. */
  inputIds: Value
  /** The same type and shape. */
  positionIds: Value
  /**
   * Attention of a layer over its cache and the new tokens, under the layer's mask: float [N, 1, heads · headDim]. The last layer returns only
   * the tokens to read: [R, 1, heads · headDim]. Attention alone has a row per sequence, padded to the longest.
   */
  attend(layer: number, heads: Projected | JointHeads, options?: AttentionOptions & HeadOptions): Value
  /** Selects the tokens to read in the last layer: [N, 1, size] → [R, 1, size]. In other layers it returns `values` unchanged. */
  selectRead(layer: number, values: Value): Value
}>

/**
 * Joins the two masks of `slots` [B, S]: past_bias [B, 1, 1 or S, T] and self_bias [1 or B, 1, S, S]. It repeats the result for each query head that
 * shares a key head: these heads are consecutive rows.
 */
export function attentionContext(
  graph: GraphBuilder,
  { slots, pastBias, selfBias }: Readonly<{ slots: Value; pastBias: Value; selfBias: Value }>,
  queriesPerKey: number,
): AttentionContext {
  const sizes = graph.scope('sizes')
  const one = sizes.constant('one', BigInt64Array.of(1n), [1])
  const batch = sizeOf(sizes, 'batch', slots, 0)
  const tokens = sizeOf(sizes, 'tokens', slots, 1)
  const past = sizeOf(sizes, 'past', pastBias, 3)

  const masks = graph.scope('masks')
  const ofPast = masks.node('Expand', [pastBias, sizes.node('Concat', [one, one, tokens, one], axis(0))], { name: 'past' })
  const ofSelf = masks.node('Expand', [selfBias, sizes.node('Concat', [batch, one, one, one], axis(0))], { name: 'self' })
  const both = masks.node('Concat', [ofPast, ofSelf], axis(-1))
  const bias = queriesPerKey === 1 ? both : masks.node('Concat', Array<Value>(queriesPerKey).fill(both), axis(2))
  return { bias, lengths: sizes.node('Concat', [past, tokens], axis(0)) }
}

/** Computes once for all layers how heads of tokens [N, heads] become rows [B, heads, S], and back. */
export function headRows(
  whole: GraphBuilder,
  { slots, places }: Readonly<{ slots: Value; places: Value }>,
  { heads, kvHeads }: AttentionSize,
): HeadRows {
  const graph = whole.scope('rows')
  const ints = (name: string, dims: readonly number[], ...values: number[]) =>
    graph.constant(name, BigInt64Array.from(values, BigInt), dims)
  const column = graph.node('Unsqueeze', [slots, ints('axis', [1], 1)], { name: 'slots' })
  const rowsOf = (count: number, name: string) => {
    const first = graph.node('Mul', [column, ints(`${name}/heads`, [1], count)], { name: `${name}/first` })
    return graph.node('Add', [first, ints(`${name}/head`, [count, 1], ...Array(count).keys())], { name })
  }
  const query = rowsOf(heads, 'query')
  const tokens = sizeOf(graph, 'tokens', slots, 1)
  // A place b · S + s becomes (b · heads + head) · S + s, so it moves on by b · (heads - 1) + head times S.
  const row = graph.node('Div', [places, tokens], { name: 'place/row' })
  const ofRow = graph.node('Mul', [row, ints('others', [1], heads - 1)], { name: 'place/of_row' })
  const moves = graph.node('Add', [ofRow, ints('head', [1, heads], ...Array(heads).keys())], { name: 'place/moves' })
  const place = graph.node('Add', [places, graph.node('Mul', [moves, tokens], { name: 'place/offset' })], { name: 'place' })
  return { query, key: heads === kvHeads ? query : rowsOf(kvHeads, 'key'), place }
}

const sizeOf = (graph: GraphBuilder, name: string, of: Value, index: number): Value =>
  graph.node('Shape', [of], { name, attributes: { start: { int: index }, end: { int: index + 1 } } })

/**
 * Attention of new tokens over cached tokens and over each other, with one softmax over both. Query heads that share a key head are rows of one
 * product, so no key or value is copied.
 *
 * @returns float [N, 1, heads · headDim], and the new keys and values [B, kvHeads, S, headDim]
 */
export function attention(
  graph: GraphBuilder,
  projected: Projected,
  past: Past,
  { bias, lengths }: AttentionContext,
  rows: HeadRows,
  { heads, kvHeads, headDim }: AttentionSize,
  { scale = 1 / Math.sqrt(headDim), softCap }: AttentionOptions = {},
): Readonly<{ output: Value; key: Value; value: Value }> {
  const reshape = (value: Value, name: string, ...dims: number[]) => {
    const shape = graph.constant(`${name}/shape`, BigInt64Array.from(dims, BigInt), [dims.length])
    return graph.node('Reshape', [value, shape], { name })
  }
  const inRows = (value: Value, at: Value, name: string) =>
    graph.node('Gather', [reshape(value, `${name}/heads`, -1, headDim), at], { name })
  // A factor of the product itself would keep the runtime from its fast kernel for a single row.
  const scaled = graph.node('Mul', [projected.query, graph.numbers('scale', Float32Array.of(scale), [])], { name: 'scaled' })
  const perHead = inRows(scaled, rows.query, 'query')
  const query = heads === kvHeads ? perHead : reshape(perHead, 'query/shared', 0, kvHeads, -1, headDim)
  const key = inRows(projected.key, rows.key, 'key')
  const value = inRows(projected.value, rows.key, 'value')

  const against = (keys: Value, name: string) =>
    graph.node('FusedMatMul', [query, keys], { name, domain: 'com.microsoft', attributes: { transB: { int: 1 } } })
  const scores = graph.node('Concat', [against(past.key, 'past_scores'), against(key, 'self_scores')], {
    ...axis(-1),
    name: 'scores',
  })
  const masked = graph.node('Add', [softCapped(graph, scores, softCap), bias], { name: 'masked' })
  const probabilities = graph.node('Softmax', [masked], { ...axis(-1), name: 'probabilities' })

  const [ofPast, ofSelf] = graph.nodes('Split', [probabilities, lengths], 2, { ...axis(-1), name: 'parts' }) as [Value, Value]
  const pastSum = graph.node('MatMul', [ofPast, past.value], { name: 'past_sum' })
  const selfSum = graph.node('MatMul', [ofSelf, value], { name: 'self_sum' })
  const sum = graph.node('Add', [pastSum, selfSum], { name: 'sum' })
  return { output: reshape(inRows(sum, rows.place, 'tokens'), 'joined', 0, 1, heads * headDim), key, value }
}

const axis = (index: number) => ({ attributes: { axis: { int: index } } })

/** Gathers [R, 1, size] from [N, 1, size] at positions int64 [R]. */
export const reader =
  (graph: GraphBuilder, positions: Value) =>
  (values: Value): Value =>
    graph.node('Gather', [values, positions])

/** Cuts joint heads into queries, keys and values. */
export function separate(
  graph: GraphBuilder,
  { joint, perHead }: JointHeads,
  { heads, kvHeads, headDim }: AttentionSize,
): Projected {
  if (!perHead) {
    const counts = [heads, kvHeads, kvHeads]
    const [query, key, value] = split(
      graph,
      joint,
      counts.map((count) => count * headDim),
      'qkv',
    ) as [Value, Value, Value]
    return { query, key, value }
  }
  const shape = (name: string, ...dims: number[]) =>
    graph.constant(`qkv/${name}/shape`, BigInt64Array.from(dims, BigInt), [dims.length])
  const cut = graph.node('Reshape', [joint, shape('heads', 0, 0, heads, 3 * headDim)], { name: 'qkv/heads' })
  const thirds = split(graph, cut, [headDim, headDim, headDim], 'qkv')
  const joined = shape('joined', 0, 0, heads * headDim)
  const [query, key, value] = thirds.map((third) => graph.node('Reshape', [third, joined])) as [Value, Value, Value]
  return { query, key, value }
}
