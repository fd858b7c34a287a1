import type { GraphBuilder, Value } from '../../builder.js'
import { masksOf } from '../../masks.js'
import { type DecoderFrame, type DecoderSize, reader } from '../attention.js'
import { jointHeads, PAGE } from './jointHeads.js'
import { maskBias, pagedAttention, reshaped } from './pagedAttention.js'

/**
 * A decoder whose cache stays on the GPU. A run has lanes of S tokens each. A longer pass takes several lanes.
 *
 * The cache of a layer is a matrix with rows of headDim numbers. A page is 2 · kvHeads · 64 rows: 64 positions of each head of keys, then of each head of
 * values. So a layer needs one node to write it, and what attention reads is in the order that it needs.
 *
 * Sizes: L lanes, N = L · S tokens, P pages per lane, T = 64 · P positions that a lane can attend to.
 *
 * - in: `input_ids`, `position_ids` int32 [N, 1]; with ropes, positions count from 1, and row 0 of `rope_cos` and `rope_sin` (buildGraph.ts) has the angle 0;
 *   `rows` int32 [N, 1]: the row of each token's first head of keys; the others follow 64 rows apart; `pages`
 *   int32 [L, P]: the pages that hold a lane's positions, counted in heads (page · 2 · kvHeads); `key_positions` int32 [T]: 0 to T - 1; `past_end`, `branch_start`,
 *   `branch_end` int32 [L, S, 1]: a token attends to the positions before `past_end`, and from `branch_start` to before `branch_end`, itself included;
 *   past_end <= branch_start. `local_past_start`, `local_branch_start` int32 [L, S, 1]: where the two ranges begin in layers with a sliding window;
 *   `read_positions` int32 [R], indices into N; `head_positions` int32 [H], indices into R; `cache.l` float [rows, headDim]
 * - out: `next_cache.l`: the cache with the new rows. The caller binds it to the buffer of its input, so a run writes only the new rows.
 */
export function pagedDecoder(graph: GraphBuilder, size: DecoderSize): DecoderFrame {
  const { heads, kvHeads, headDim, layers, slidingWindow } = size
  const inputIds = graph.input('input_ids', 'int32', ['N', 1])
  const positionIds = graph.input('position_ids', 'int32', ['N', 1])
  const rows = graph.input('rows', 'int32', ['N', 1])
  const pages = graph.input('pages', 'int32', ['L', 'P'])
  const positions = graph.input('key_positions', 'int32', ['T'])
  const span = (name: string) => graph.input(name, 'int32', ['L', 'S', 1])
  const spans = { pastEnd: span('past_end'), branchEnd: span('branch_end') }
  const contexts = masksOf(size).map(({ window }) => ({ window, bias: maskBias(graph, positions, spans, span, window) }))
  const read = reader(graph.scope('read'), graph.input('read_positions', 'int32', ['R']))
  const selectRead = (layer: number, values: Value) => (layer === layers - 1 ? read(values) : values)

  const sizes = graph.scope('sizes')
  const int64 = (name: string, ...values: number[]) => sizes.constant(name, BigInt64Array.from(values, BigInt), [values.length])
  const firstOf = (count: number) =>
    sizes.node('Shape', [spans.pastEnd], { attributes: { start: { int: 0 }, end: { int: count } } })
  const lanesOf = sizes.node('Concat', [firstOf(2), int64('rest', -1)], axis(0))
  const emptyShape = sizes.node('Concat', [firstOf(1), int64('none', 0, heads * headDim)], axis(0))
  const empty = sizes.node('Reshape', [sizes.numbers('empty', new Float32Array(0), [0]), emptyShape], {
    attributes: { allowzero: { int: 1 } },
  })

  const indices = graph.scope('indices')
  /** Pages of each query head: int32 [L, heads, P]. Heads that share keys have the same. */
  const headPages = (name: 'keys' | 'values', first: number) => {
    const shared = Int32Array.from({ length: heads }, (_, head) => first + Math.floor((head * kvHeads) / heads))
    const perLane = reshaped(indices, pages, `${name}/lanes`, 0, 1, -1)
    return indices.node('Add', [perLane, indices.constant(`${name}/heads`, shared, [heads, 1])], { name })
  }
  const keyPages = headPages('keys', 0)
  const valuePages = headPages('values', kvHeads)
  const joint = jointHeads(graph, size, { rows, positionIds })

  return {
    inputIds,
    positionIds,
    selectRead,
    attend(layer, given, { rope, norm, ...options } = {}) {
      const scope = graph.scope(`layers.${layer}/attention`)
      const window = slidingWindow?.layers[layer] ? slidingWindow.tokens : undefined
      const { bias } = contexts.find((one) => one.window === window)!
      const prepared = joint(scope, given, { ...(rope && { rope }), ...(norm && { norm }) })
      const cache = graph.input(`cache.${layer}`, 'float', ['rows', headDim])
      const next = scope.node('ScatterElements', [cache, prepared.rows, prepared.fresh], axis(0))
      graph.output(`next_cache.${layer}`, next, 'float', ['rows', headDim])
      const paged = reshaped(scope, next, 'pages', -1, PAGE * headDim)
      const cached = (name: 'key' | 'value', at: Value) =>
        reshaped(scope, scope.node('Gather', [paged, at], { name }), `${name}/positions`, 0, 0, -1, headDim)
      const query = scope.node('Reshape', [prepared.query, lanesOf], { name: 'query' })
      const attended = pagedAttention(
        scope,
        { query, key: cached('key', keyPages), value: cached('value', valuePages), bias, empty },
        size,
        options,
      )
      return selectRead(layer, reshaped(scope, attended, 'tokens', -1, 1, heads * headDim))
    },
  }
}

const axis = (index: number) => ({ attributes: { axis: { int: index } } })
