import type { Gemma3Config } from '../checkpoint/gemma3Config.js'
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
 * A Gemma 3 text model: Gemma 2 with a norm of each head of queries and keys in place of the soft cap, and positions of their own in local
 * layers. Inputs and outputs as buildGraph.ts describes them.
 *
 * @see transformers 5 models/gemma3/modeling_gemma3.py
 */
export function gemma3(graph: GraphBuilder, weights: Weights, config: Gemma3Config, positions: number): void {
  const { hiddenSize, layers, vocabSize, rmsNormEps, finalLogitSoftcapping, localLayers } = config
  const around = decoder(graph, config)
  const ropes = [ropeTables(graph, config, positions), ropeTables(graph.scope('local'), config.localRope, positions)]
  const table = [vocabSize, hiddenSize] as const
  let hidden = embedding(graph, weights, around.inputIds, 'model.embed_tokens.weight', table, Math.sqrt(hiddenSize))
  for (let layer = 0; layer < layers; layer++)
    hidden = block(graph, weights, hidden, layer, config, around, ropes[Number(localLayers[layer])]!)
  const norm = { size: hiddenSize, epsilon: rmsNormEps, offset: 1 }
  head(graph, weights, rmsNorm(graph.scope('head'), weights, hidden, 'model.norm', norm), config, finalLogitSoftcapping)
}

/** One layer, attention and MLP each between two norms: [B, S, hidden] → [B, S, hidden], the last one [B, R, hidden]. */
function block(
  whole: GraphBuilder,
  weights: Weights,
  hidden: Value,
  layer: number,
  config: Gemma3Config,
  around: Decoder,
  rope: RopeTables,
): Value {
  const { hiddenSize, intermediateSize, attentionBias, rmsNormEps, queryPreAttnScalar } = config
  const path = `model.layers.${layer}`
  const graph = whole.scope(`layers.${layer}`)
  const norm = (value: Value, name: string) =>
    rmsNorm(graph, weights, value, `${path}.${name}_layernorm`, { size: hiddenSize, epsilon: rmsNormEps, offset: 1 })

  const mixed = selfAttention(graph, weights, norm(hidden, 'input'), `${path}.self_attn`, around, layer, {
    ...{ ...config, rope, bias: { input: attentionBias, output: attentionBias } },
    scale: 1 / Math.sqrt(queryPreAttnScalar),
    norm: { epsilon: rmsNormEps, offset: 1 },
  })
  const middle = graph.node('Add', [around.wanted(layer, hidden), norm(mixed, 'post_attention')], { name: 'residual/attention' })

  const mlp = { hidden: hiddenSize, intermediate: intermediateSize, bias: false, activation: 'gelu_tanh' } as const
  const fed = gatedMlp(graph, weights, norm(middle, 'pre_feedforward'), `${path}.mlp`, mlp)
  return graph.node('Add', [middle, norm(fed, 'post_feedforward')], { name: 'residual/mlp' })
}
