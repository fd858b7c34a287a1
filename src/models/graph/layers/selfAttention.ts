import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'
import type { AttentionOptions, AttentionSize, JointHeads, Projected } from './attention.js'
import type { DecoderFrame } from './decoder.js'
import { jointLinear, linear } from './linear.js'
import type { RmsNormSize } from './rmsNorm.js'
import type { RopeTables } from './rope.js'

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
  { attend }: DecoderFrame,
  layer: number,
  { hiddenSize, heads, kvHeads, headDim, bias, rope, norm, ...options }: SelfAttention,
): Value {
  const size = { heads, kvHeads, headDim, from: hiddenSize, bias: bias.input }
  const projected = projectHeads(graph, weights, input, path, size)
  const attended = attend(layer, projected, { ...options, rope, ...(norm && { norm: { ...norm, weights, path } }) })
  return linear(graph, weights, attended, `${path}.o_proj`, { from: heads * headDim, to: hiddenSize, bias: bias.output })
}

/** The projections `q_proj`, `k_proj` and `v_proj` under `path`: one product on a GPU, if the weights can be joined, else three. */
export function projectHeads(
  graph: GraphBuilder,
  weights: Weights,
  input: Value,
  path: string,
  { heads, kvHeads, headDim, from, bias }: AttentionSize & Readonly<{ from: number; bias: boolean }>,
): Projected | JointHeads {
  const layer = (name: string, count: number) => ({ path: `${path}.${name}_proj`, to: count * headDim })
  const layers = [layer('q', heads), layer('k', kvHeads), layer('v', kvHeads)] as const
  const joint =
    graph.device === 'webgpu' ? jointLinear(graph, weights, input, layers, { name: 'qkv_proj', from, bias }) : undefined
  if (joint !== undefined) return { joint }
  const [query, key, value] = layers.map((one) => linear(graph, weights, input, one.path, { from, to: one.to, bias })) as [
    Value,
    Value,
    Value,
  ]
  return { query, key, value }
}
