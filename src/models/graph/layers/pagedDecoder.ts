import type { GraphBuilder, Value } from '../builder.js'
import { type Mask, masksOf } from '../masks.js'
import { type AttentionOptions, type AttentionSize, type DecoderFrame, type DecoderSize, reader } from './attention.js'
import { softCapped } from './softCapped.js'

/** Positions per page. Attention gathers keys and values page by page. */
export const PAGE = 64

/**
 * A decoder whose cache stays on the GPU. A run has lanes of S tokens each. A longer pass takes several lanes.
 *
 * Sizes: L lanes, N = L · S tokens, P pages per lane, T = 64 · P positions that a lane can attend to.
 *
 * - in: `input_ids` int32 [N, 1], `position_ids` int64 [N, 1]; `rows` int64 [N, 1]: the row of the slab that each token's key and value go to; `pages` int32 [L, P]:
 *   the pages of the slab that hold a lane's positions; `key_positions` int32 [T]: 0 to T - 1; `past_end`, `branch_start`, `branch_end` int32 [L, S, 1]: a token
 *   attends to the positions before `past_end` and from `branch_start` to `branch_end`, itself included; `local_past_start`, `local_branch_start` int32
 *   [L, S, 1]: where the two ranges begin in layers with a sliding window; `read_positions` int32 [R], indices into N; `key.l`, `value.l` real [rows, kvHeads · headDim]: the slabs
 * - out: `next_key.l`, `next_value.l`: the slabs with the new rows. The caller binds each to the buffer of its input, so a run writes only the new rows.
 */
export function pagedDecoder(graph: GraphBuilder, size: DecoderSize): DecoderFrame {
  const { heads, kvHeads, headDim, layers, slidingWindow } = size
  const width = kvHeads * headDim
  const inputIds = graph.input('input_ids', 'int32', ['N', 1])
  const positionIds = graph.input('position_ids', 'int64', ['N', 1])
  const rows = graph.input('rows', 'int64', ['N', 1])
  const pages = graph.input('pages', 'int32', ['L', 'pages'])
  const positions = graph.input('key_positions', 'int32', ['T'])
  const span = (name: string) => graph.input(name, 'int32', ['L', 'S', 1])
  const spans = { pastEnd: span('past_end'), branchEnd: span('branch_end') }
  const contexts = masksOf(size).map(({ window }) => ({ window, bias: maskBias(graph, positions, spans, span, window) }))
  const read = reader(graph.scope('read'), graph.input('read_positions', 'int32', ['R']))
  const selectRead = (layer: number, values: Value) => (layer === layers - 1 ? read(values) : values)
  const sizes = graph.scope('sizes')
  const lanes = sizes.node('Shape', [spans.pastEnd], { attributes: { start: { int: 0 }, end: { int: 2 } } })
  const lanesOf = sizes.node('Concat', [lanes, sizes.constant('rest', BigInt64Array.of(-1n), [1])], axis(0))

  return {
    inputIds,
    positionIds,
    selectRead,
    attend(layer, projected, options) {
      const scope = graph.scope(`layers.${layer}/attention`)
      const window = slidingWindow?.layers[layer] ? slidingWindow.tokens : undefined
      const { bias } = contexts.find((one) => one.window === window)!
      const cached = (name: 'key' | 'value') => {
        const at = scope.scope(name)
        const slab = graph.input(`${name}.${layer}`, graph.real, ['rows', width])
        const next = at.node('ScatterND', [slab, rows, reshaped(at, projected[name], 'rows', -1, width)])
        graph.output(`next_${name}.${layer}`, next, graph.real, ['rows', width])
        const gathered = at.node('Gather', [reshaped(at, next, 'pages', -1, PAGE * width), pages])
        return reshaped(at, gathered, 'positions', 0, -1, width)
      }
      const query = scope.node('Reshape', [projected.query, lanesOf], { name: 'query' })
      const attended = pagedAttention(scope, { query, key: cached('key'), value: cached('value'), bias }, size, options)
      return selectRead(layer, reshaped(scope, attended, 'tokens', -1, 1, heads * headDim))
    },
  }
}

type Span = (name: string) => Value

/** What hides a position: a finite number so far below the scores that its exponential is an exact zero. */
const HIDDEN = { float: -1e9, float16: -3e4 } as const

/** real [L, 1, S, T]: 0 where a token attends to a position, else `HIDDEN`. */
function maskBias(
  whole: GraphBuilder,
  positions: Value,
  { pastEnd, branchEnd }: Readonly<{ pastEnd: Value; branchEnd: Value }>,
  span: Span,
  window: Mask['window'],
): Value {
  const local = window !== undefined
  const graph = whole.scope(local ? 'local_mask' : 'mask')
  const seen = graph.numbers('seen', Float32Array.of(0), [])
  const hidden = graph.numbers('hidden', Float32Array.of(HIDDEN[graph.real]), [])
  const branchStart = span(local ? 'local_branch_start' : 'branch_start')
  const inBranch = graph.node('And', [
    graph.node('GreaterOrEqual', [positions, branchStart]),
    graph.node('LessOrEqual', [positions, branchEnd]),
  ])
  const before = graph.node('Less', [positions, pastEnd])
  const inPast = local ? graph.node('And', [before, graph.node('GreaterOrEqual', [positions, span('local_past_start')])]) : before
  const bias = graph.node('Where', [inPast, seen, graph.node('Where', [inBranch, seen, hidden])])
  return graph.node('Unsqueeze', [bias, graph.constant('heads', BigInt64Array.of(1n), [1])])
}

type Attended = Readonly<{ query: Value; key: Value; value: Value; bias: Value }>

/** Attention of [L, S, heads · headDim] over [L, T, kvHeads · headDim]: one node unless scores are capped. */
function pagedAttention(
  graph: GraphBuilder,
  { query, key, value, bias }: Attended,
  { heads, kvHeads, headDim }: AttentionSize,
  { scale = 1 / Math.sqrt(headDim), softCap }: AttentionOptions = {},
): Value {
  const perHead = (values: Value, name: string) => repeated(graph, values, name, { heads, kvHeads, headDim })
  const [keys, values] = [perHead(key, 'key'), perHead(value, 'value')]
  if (softCap === undefined)
    return graph.node('MultiHeadAttention', [query, keys, values, '', '', bias], {
      domain: 'com.microsoft',
      attributes: { num_heads: { int: heads }, scale: { float: scale } },
    })
  const turned = (given: Value, name: string, perm: readonly number[]) =>
    graph.node('Transpose', [reshaped(graph, given, `${name}/heads`, 0, 0, heads, headDim)], {
      name: `${name}/turned`,
      attributes: { perm: { ints: perm } },
    })
  // A product of whole queries may be too large for fp16.
  const scaled = graph.node('Mul', [query, graph.numbers('scale', Float32Array.of(scale), [])], { name: 'scaled' })
  const scores = graph.node('MatMul', [turned(scaled, 'query', [0, 2, 1, 3]), turned(keys, 'keys', [0, 2, 3, 1])], {
    name: 'scores',
  })
  const masked = graph.node('Add', [softCapped(graph, scores, softCap), bias], { name: 'masked' })
  const probabilities = graph.node('Softmax', [masked], axis(-1))
  const sums = graph.node('MatMul', [probabilities, turned(values, 'values', [0, 2, 1, 3])], { name: 'sums' })
  const tokens = graph.node('Transpose', [sums], { name: 'sums/turned', attributes: { perm: { ints: [0, 2, 1, 3] } } })
  return reshaped(graph, tokens, 'joined', 0, 0, heads * headDim)
}

/** Keys or values [L, T, kvHeads · headDim] repeated for the query heads that share them. */
function repeated(whole: GraphBuilder, values: Value, name: string, { heads, kvHeads, headDim }: AttentionSize): Value {
  if (heads === kvHeads) return values
  const graph = whole.scope(`${name}/repeated`)
  const split = reshaped(graph, values, 'split', 0, 0, kvHeads, 1, headDim)
  const times = graph.constant('times', BigInt64Array.from([1, 1, 1, heads / kvHeads, 1], BigInt), [5])
  return reshaped(graph, graph.node('Expand', [split, times]), 'joined', 0, 0, heads * headDim)
}

function reshaped(graph: GraphBuilder, values: Value, name: string, ...dims: number[]): Value {
  const shape = graph.constant(`${name}/shape`, BigInt64Array.from(dims, BigInt), [dims.length])
  return graph.node('Reshape', [values, shape], { name })
}

const axis = (index: number) => ({ attributes: { axis: { int: index } } })
