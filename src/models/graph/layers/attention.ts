import type { GraphBuilder, Value } from '../builder.js'
import type { masksOf } from '../masks.js'
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

/** Outputs of the projections: queries float [B, S, heads · headDim], new keys and values float [B, S, kvHeads · headDim]. */
export type Projected = Readonly<{ query: Value; key: Value; value: Value }>

/** float [B, kvHeads, T, headDim] each. */
export type Past = Readonly<{ key: Value; value: Value }>

export type DecoderSize = AttentionSize & Parameters<typeof masksOf>[0]

/** What the layers of every decoder share: inputs, cache and masks. */
export type DecoderFrame = Readonly<{
  /** int64 [N, 1]: the new tokens of all sequences, one sequence after the other. */
  inputIds: Value
  /** int64 [N, 1]. */
  positionIds: Value
  /**
   * Attention of a layer over its cache and the new tokens, under the layer's mask: float [N, 1, heads · headDim]. The last layer returns only
   * the tokens to read: [R, 1, heads · headDim]. Attention alone has a row per sequence, padded to the longest.
   */
  attend(layer: number, projected: Projected, options?: AttentionOptions): Value
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
  const size = (name: string, of: Value, axis: number) =>
    sizes.node('Shape', [of], { name, attributes: { start: { int: axis }, end: { int: axis + 1 } } })
  const batch = size('batch', slots, 0)
  const tokens = size('tokens', slots, 1)
  const past = size('past', pastBias, 3)

  const masks = graph.scope('masks')
  const ofPast = masks.node('Expand', [pastBias, sizes.node('Concat', [one, one, tokens, one], axis(0))], { name: 'past' })
  const ofSelf = masks.node('Expand', [selfBias, sizes.node('Concat', [batch, one, one, one], axis(0))], { name: 'self' })
  const both = masks.node('Concat', [ofPast, ofSelf], axis(-1))
  const bias = queriesPerKey === 1 ? both : masks.node('Concat', Array<Value>(queriesPerKey).fill(both), axis(2))
  return { bias, lengths: sizes.node('Concat', [past, tokens], axis(0)) }
}

/**
 * Attention of new tokens over cached tokens and over each other, with one softmax over both. Query heads that share a key head are rows of one
 * product, so no key or value is copied.
 *
 * @returns float [B, S, heads · headDim], and the new keys and values [B, kvHeads, S, headDim]
 */
export function attention(
  graph: GraphBuilder,
  projected: Projected,
  past: Past,
  { bias, lengths }: AttentionContext,
  { heads, kvHeads, headDim }: AttentionSize,
  { scale = 1 / Math.sqrt(headDim), softCap }: AttentionOptions = {},
): Readonly<{ output: Value; key: Value; value: Value }> {
  const shape = (name: string, ...dims: number[]) =>
    graph.constant(`shape/${name}`, BigInt64Array.from(dims, BigInt), [dims.length])
  const reshape = (value: Value, dims: Value, name: string) => graph.node('Reshape', [value, dims], { name })
  const transpose = (value: Value, perm: readonly number[], name: string) =>
    graph.node('Transpose', [value], { name, attributes: { perm: { ints: perm } } })

  const perKey = shape('per_key', 0, 0, kvHeads, headDim)
  const key = transpose(reshape(projected.key, perKey, 'key/split'), [0, 2, 1, 3], 'key')
  const value = transpose(reshape(projected.value, perKey, 'value/split'), [0, 2, 1, 3], 'value')
  const split = reshape(projected.query, shape('per_query', 0, 0, heads, headDim), 'query/split')
  const query = reshape(transpose(split, [0, 2, 1, 3], 'query/turn'), shape('rows', 0, kvHeads, -1, headDim), 'query')

  const factor = graph.constant('scale', Float32Array.of(scale), [])
  const scaled = graph.node('Mul', [query, factor], { name: 'query/scaled' })
  const against = (keys: Value, name: string) =>
    graph.node('MatMul', [scaled, transpose(keys, [0, 1, 3, 2], `${name}/keys`)], { name })
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
  const perHead = reshape(sum, shape('heads', 0, heads, -1, headDim), 'sum/heads')
  const output = reshape(transpose(perHead, [0, 2, 1, 3], 'sum/turn'), shape('joined', 0, 0, heads * headDim), 'joined')
  return { output, key, value }
}

const axis = (index: number) => ({ attributes: { axis: { int: index } } })

/** Gathers [R, 1, size] from [N, 1, size] at positions int64 [R]. */
export const reader =
  (graph: GraphBuilder, positions: Value) =>
  (values: Value): Value =>
    graph.node('Gather', [values, positions])
