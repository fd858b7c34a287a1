import type { Qwen3Config } from '../checkpoint/qwen3Config.js'
import type { GraphBuilder, Value } from './builder.js'
import { type Decoder, decoder } from './layers/decoder.js'
import { embedding } from './layers/embedding.js'
import { gatedMlp } from './layers/gatedMlp.js'
import { head } from './layers/head.js'
import { rmsNorm } from './layers/rmsNorm.js'
import { type RopeTables, ropeTables } from './layers/rope.js'
import { selfAttention } from './layers/selfAttention.js'
import type { Weights } from './weights.js'

/**
 * A Qwen3 model, which is Llama with a norm of each head of queries and keys: inputs and outputs as buildGraph.ts describes them.
 *
 * @see transformers 5 models/qwen3/modeling_qwen3.py
 */
export function qwen3(graph: GraphBuilder, weights: Weights, config: Qwen3Config, positions: number): void {
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
  config: Qwen3Config,
  around: Decoder,
  rope: RopeTables,
): Value {
  const { hiddenSize, intermediateSize, attentionBias, rmsNormEps } = config
  const path = `model.layers.${layer}`
  const graph = whole.scope(`layers.${layer}`)
  const norm = { size: hiddenSize, epsilon: rmsNormEps }

  const normed = rmsNorm(graph, weights, hidden, `${path}.input_layernorm`, norm)
  const bias = { input: attentionBias, output: attentionBias }
  const mixed = selfAttention(graph, weights, normed, `${path}.self_attn`, around, layer, {
    ...{ ...config, bias, rope },
    norm: { epsilon: rmsNormEps },
  })
  const middle = graph.node('Add', [around.wanted(layer, hidden), mixed], { name: 'residual/attention' })

  const renormed = rmsNorm(graph, weights, middle, `${path}.post_attention_layernorm`, norm)
  const mlp = { hidden: hiddenSize, intermediate: intermediateSize, bias: false, activation: 'silu' } as const
  return graph.node('Add', [middle, gatedMlp(graph, weights, renormed, `${path}.mlp`, mlp)], { name: 'residual/mlp' })
}
