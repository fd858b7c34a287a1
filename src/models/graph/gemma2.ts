import type { Gemma2Config } from '../checkpoint/gemma2Config.js'
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
 * A Gemma 2 model: norms before and after attention and MLP, attention scores and logits softly capped, local layers between full ones.
 * Inputs and outputs as buildGraph.ts describes them.
 *
 * @see transformers 5 models/gemma2/modeling_gemma2.py
 */
export function gemma2(graph: GraphBuilder, weights: Weights, config: Gemma2Config, positions: number): void {
  const { hiddenSize, layers, vocabSize, rmsNormEps, finalLogitSoftcapping } = config
  const around = decoder(graph, config)
  const rope = ropeTables(graph, config, positions)
  const table = [vocabSize, hiddenSize] as const
  let hidden = embedding(graph, weights, around.inputIds, 'model.embed_tokens.weight', table, Math.sqrt(hiddenSize))
  for (let layer = 0; layer < layers; layer++) hidden = block(graph, weights, hidden, layer, config, around, rope)
  const norm = { size: hiddenSize, epsilon: rmsNormEps, offset: 1 }
  head(graph, weights, rmsNorm(graph.scope('head'), weights, hidden, 'model.norm', norm), config, finalLogitSoftcapping)
}

/** One layer, attention and MLP each between two norms: [B, S, hidden] → [B, S, hidden], the last one [B, R, hidden]. */
function block(
  whole: GraphBuilder,
  weights: Weights,
  hidden: Value,
  layer: number,
  config: Gemma2Config,
  around: Decoder,
  rope: RopeTables,
): Value {
  const { hiddenSize, intermediateSize, attentionBias, rmsNormEps, queryPreAttnScalar, attnLogitSoftcapping } = config
  const path = `model.layers.${layer}`
  const graph = whole.scope(`layers.${layer}`)
  const norm = (value: Value, name: string) =>
    rmsNorm(graph, weights, value, `${path}.${name}_layernorm`, { size: hiddenSize, epsilon: rmsNormEps, offset: 1 })

  const mixed = selfAttention(graph, weights, norm(hidden, 'input'), `${path}.self_attn`, around, layer, {
    ...{ ...config, rope, bias: { input: attentionBias, output: attentionBias } },
    scale: 1 / Math.sqrt(queryPreAttnScalar),
    ...(attnLogitSoftcapping !== undefined && { softCap: attnLogitSoftcapping }),
  })
  const middle = graph.node('Add', [around.wanted(layer, hidden), norm(mixed, 'post_attention')], { name: 'residual/attention' })

  const mlp = { hidden: hiddenSize, intermediate: intermediateSize, bias: false, activation: 'gelu_tanh' } as const
  const fed = gatedMlp(graph, weights, norm(middle, 'pre_feedforward'), `${path}.mlp`, mlp)
  return graph.node('Add', [middle, norm(fed, 'post_feedforward')], { name: 'residual/mlp' })
}
