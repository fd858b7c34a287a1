import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'
import type { AttentionOptions, AttentionSize } from './attention.js'
import type { DecoderFrame } from './decoder.js'
import { linear } from './linear.js'
import { headNorm, type RmsNormSize } from './rmsNorm.js'
import { type RopeTables, rotate } from './rope.js'

export type SelfAttention = AttentionSize &
  AttentionOptions &
  Readonly<{
    hiddenSize: number
    /** Which projections have biases. */
    bias: Readonly<{ input: boolean; output: boolean }>
    rope: RopeTables
    /** Norm of each head of queries and keys before the rotation: `q_norm`, `k_norm`. */
    norm?: Omit<RmsNormSize, 'size'>
  }>

/**
 * Rotary attention with separate projections for queries, keys, values and output (`q_proj`, `k_proj`, `v_proj`, `o_proj` under `path`):
 * [N, 1, hidden] → [N, 1, hidden], in the last layer [R, 1, hidden].
 */
export function selfAttention(
  graph: GraphBuilder,
  weights: Weights,
  input: Value,
  path: string,
  { attend, positionIds }: DecoderFrame,
  layer: number,
  { hiddenSize, heads, kvHeads, headDim, bias, rope, norm, ...options }: SelfAttention,
): Value {
  const project = (name: string, count: number) =>
    linear(graph, weights, input, `${path}.${name}_proj`, { from: hiddenSize, to: count * headDim, bias: bias.input })
  const rotated = (name: string, count: number) => {
    const projected = project(name, count)
    const size = { ...norm, size: headDim, heads: count }
    const normed = norm ? headNorm(graph, weights, projected, `${path}.${name}_norm`, { ...size, ...norm }) : projected
    return rotate(graph, normed, positionIds, rope, { name: `${name}_rope`, heads: count, headDim })
  }
  const attended = attend(
    layer,
    { query: rotated('q', heads), key: rotated('k', kvHeads), value: project('v', kvHeads) },
    options,
  )
  return linear(graph, weights, attended, `${path}.o_proj`, { from: heads * headDim, to: hiddenSize, bias: bias.output })
}
