import type { Phi3Config } from '../checkpoint/phi3Config.js'
import type { GraphBuilder, Value } from './builder.js'
import { type Decoder, decoder } from './layers/decoder.js'
import { embedding } from './layers/embedding.js'
import { joinedGatedMlp } from './layers/gatedMlp.js'
import { head } from './layers/head.js'
import { linear } from './layers/linear.js'
import { rmsNorm } from './layers/rmsNorm.js'
import { type RopeTables, ropeTables, rotate } from './layers/rope.js'
import { split } from './layers/split.js'
import type { Weights } from './weights.js'

/**
 * A Phi-3 model, which is Llama with one projection for queries, keys and values and one for gate and up, and of which a part of each head may
 * rotate: inputs and outputs as buildGraph.ts describes them.
 *
 * @see transformers 5 models/phi3/modeling_phi3.py
 */
export function phi3(graph: GraphBuilder, weights: Weights, config: Phi3Config, positions: number): void {
  const { hiddenSize, layers, vocabSize, rmsNormEps } = config
  const around = decoder(graph, config)
  const rope = ropeTables(graph, config, positions)
  let hidden = embedding(graph, weights, around.inputIds, 'model.embed_tokens.weight', [vocabSize, hiddenSize])
  for (let layer = 0; layer < layers; layer++) hidden = block(graph, weights, hidden, layer, config, around, rope)
  const normed = rmsNorm(graph.scope('head'), weights, hidden, 'model.norm', { size: hiddenSize, epsilon: rmsNormEps })
  head(graph, weights, normed, config)
}

/** One layer, attention and MLP each on the normed hidden states: [B, S, hidden] → [B, S, hidden], the last one [B, R, hidden]. */
function block(
  whole: GraphBuilder,
  weights: Weights,
  hidden: Value,
  layer: number,
  config: Phi3Config,
  around: Decoder,
  rope: RopeTables,
): Value {
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim, rmsNormEps } = config
  const path = `model.layers.${layer}`
  const graph = whole.scope(`layers.${layer}`)
  const norm = { size: hiddenSize, epsilon: rmsNormEps }

  const normed = rmsNorm(graph, weights, hidden, `${path}.input_layernorm`, norm)
  const sizes = [heads, kvHeads, kvHeads].map((count) => count * headDim)
  const all = (heads + 2 * kvHeads) * headDim
  const joined = linear(graph, weights, normed, `${path}.self_attn.qkv_proj`, { from: hiddenSize, to: all, bias: false })
  const [query, key, value] = split(graph, joined, sizes, 'qkv') as [Value, Value, Value]
  const attended = around.attend(layer, {
    query: rotate(graph, query, around.positionIds, rope, { name: 'q_rope', heads, headDim }),
    key: rotate(graph, key, around.positionIds, rope, { name: 'k_rope', heads: kvHeads, headDim }),
    value,
  })
  const output = { from: heads * headDim, to: hiddenSize, bias: false }
  const mixed = linear(graph, weights, attended, `${path}.self_attn.o_proj`, output)
  const middle = graph.node('Add', [around.wanted(layer, hidden), mixed], { name: 'residual/attention' })

  const renormed = rmsNorm(graph, weights, middle, `${path}.post_attention_layernorm`, norm)
  const mlp = { hidden: hiddenSize, intermediate: intermediateSize, bias: false, activation: 'silu' } as const
  return graph.node('Add', [middle, joinedGatedMlp(graph, weights, renormed, `${path}.mlp`, mlp)], { name: 'residual/mlp' })
}
