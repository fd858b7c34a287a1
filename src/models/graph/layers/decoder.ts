import type { GraphBuilder, Value } from '../builder.js'
import { type Mask, masksOf } from '../masks.js'
import { type AttentionOptions, type AttentionSize, attention, attentionContext, type Projected } from './attention.js'
import { reader } from './reader.js'

export type DecoderSize = AttentionSize & Parameters<typeof masksOf>[0]

/** What is around the layers of every decoder: its inputs, its cache and its masks. */
export type Decoder = Readonly<{
  /** int64 [B, S]. */
  inputIds: Value
  /** int64 [B, S]. */
  positionIds: Value
  /**
   * Attention of a layer over its cache, which goes in and out beside it, and over the new tokens, under the layer's own mask:
   * float [B, S, heads · headDim], of the last layer `wanted` already.
   */
  attend(layer: number, projected: Projected, options?: AttentionOptions): Value
  /** What is still looked at: [B, S, size] as it is, and [B, R, size] of it once the last attention is done. */
  wanted(layer: number, values: Value): Value
}>

/** Declares a decoder's inputs as buildGraph.ts describes them. */
export function decoder(graph: GraphBuilder, size: DecoderSize): Decoder {
  const { heads, kvHeads, headDim, layers, slidingWindow } = size
  const inputIds = graph.input('input_ids', 'int64', ['B', 'S'])
  const positionIds = graph.input('position_ids', 'int64', ['B', 'S'])
  const contextOf = ({ past, self, window }: Mask) => {
    const pastBias = graph.input(past, 'float', ['B', 1, 'S_or_1', 'T'])
    const selfBias = graph.input(self, 'float', ['B_or_1', 1, 'S', 'S'])
    return { window, ...attentionContext(graph.scope(past), { inputIds, pastBias, selfBias }, heads / kvHeads) }
  }
  const contexts = masksOf(size).map(contextOf)
  const read = reader(graph.scope('read'), graph.input('read_positions', 'int64', ['B', 'R']))
  const wanted = (layer: number, values: Value) => (layer === layers - 1 ? read(values) : values)

  return {
    inputIds,
    positionIds,
    wanted,
    attend(layer, projected, options) {
      const window = slidingWindow?.layers[layer] ? slidingWindow.tokens : undefined
      const context = contexts.find((one) => one.window === window)!
      const cache = (name: string) => graph.input(`${name}.${layer}`, 'float', ['B', kvHeads, 'T', headDim])
      const past = { key: cache('past_key'), value: cache('past_value') }
      const attended = attention(graph.scope(`layers.${layer}/attention`), projected, past, context, size, options)
      graph.output(`key.${layer}`, attended.key, 'float', ['B', kvHeads, 'S', headDim])
      graph.output(`value.${layer}`, attended.value, 'float', ['B', kvHeads, 'S', headDim])
      return wanted(layer, attended.output)
    },
  }
}
