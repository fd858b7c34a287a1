import type { GraphBuilder, Value } from '../builder.js'
import { type Mask, masksOf } from '../masks.js'
import { attention, attentionContext, type DecoderFrame, type DecoderSize, headRows, reader, separate } from './attention.js'
import { pagedDecoder } from './paged/pagedDecoder.js'
import { headNorm } from './rmsNorm.js'
import { rotate } from './rope.js'

export type { DecoderFrame, DecoderSize }

/** Declares a decoder's inputs: those of buildGraph.ts on the CPU, those of pagedDecoder.ts on a GPU. */
export const decoder = (graph: GraphBuilder, size: DecoderSize): DecoderFrame =>
  graph.device === 'cpu' ? hostDecoder(graph, size) : pagedDecoder(graph, size)

function hostDecoder(graph: GraphBuilder, size: DecoderSize): DecoderFrame {
  const { heads, kvHeads, headDim, layers, slidingWindow } = size
  const inputIds = graph.input('input_ids', 'int64', ['N', 1])
  const positionIds = graph.input('position_ids', 'int64', ['N', 1])
  const slots = graph.input('slots', 'int64', ['B', 'S'])
  const places = graph.input('places', 'int64', ['N', 1])
  const contextOf = ({ past, self, window }: Mask) => {
    const pastBias = graph.input(past, 'float', ['B', 1, 'S_or_1', 'T'])
    const selfBias = graph.input(self, 'float', ['B_or_1', 1, 'S', 'S'])
    return { window, ...attentionContext(graph.scope(past), { slots, pastBias, selfBias }, heads / kvHeads) }
  }
  const contexts = masksOf(size).map(contextOf)
  const rows = headRows(graph, { slots, places }, size)
  const read = reader(graph.scope('read'), graph.input('read_positions', 'int64', ['R']))
  const selectRead = (layer: number, values: Value) => (layer === layers - 1 ? read(values) : values)

  return {
    inputIds,
    positionIds,
    selectRead,
    attend(layer, given, { norm, rope, ...options } = {}) {
      const at = graph.scope(`layers.${layer}`)
      const prepared = (values: Value, name: 'q' | 'k', count: number) => {
        const normed = norm
          ? headNorm(at, norm.weights, values, `${norm.path}.${name}_norm`, { ...norm, size: headDim, heads: count })
          : values
        return rope ? rotate(at, normed, positionIds, rope, { name: `${name}_rope`, heads: count, headDim }) : normed
      }
      const { query, key, value } = 'joint' in given ? separate(at, given, size) : given
      const projected = { query: prepared(query, 'q', heads), key: prepared(key, 'k', kvHeads), value }
      const window = slidingWindow?.layers[layer] ? slidingWindow.tokens : undefined
      const context = contexts.find((one) => one.window === window)!
      const cache = (name: string) => graph.input(`${name}.${layer}`, 'float', ['B', kvHeads, 'T', headDim])
      const past = { key: cache('past_key'), value: cache('past_value') }
      const scope = graph.scope(`layers.${layer}/attention`)
      const attended = attention(scope, projected, past, context, rows, size, options)
      graph.output(`key.${layer}`, attended.key, 'float', ['B', kvHeads, 'S', headDim])
      graph.output(`value.${layer}`, attended.value, 'float', ['B', kvHeads, 'S', headDim])
      return selectRead(layer, attended.output)
    },
  }
}
