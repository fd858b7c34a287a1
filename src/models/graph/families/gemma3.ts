import type { Gemma3Config } from '../../checkpoint/families/gemma3Config.js'
import type { GraphBuilder, Value } from '../builder.js'
import { decoder } from '../layers/decoder.js'
import { gatedMlp } from '../layers/gatedMlp.js'
import { rmsNorm } from '../layers/rmsNorm.js'
import { ropeTables } from '../layers/rope.js'
import { selfAttention } from '../layers/selfAttention.js'
import { stack } from '../layers/stack.js'
import type { Weights } from '../weights.js'

/** Families with this graph; src/lists.mjs reads them. */
export const gemma3Families = ['gemma3'] as const

/**
 * A Gemma 3 text model: Gemma 2, but with norms over each head of queries and keys instead of a soft cap on scores, and with a separate rope in
 * local layers. Inputs and outputs are those of buildGraph.ts.
 *
 * @see transformers 5 models/gemma3/modeling_gemma3.py
 */
export function gemma3(whole: GraphBuilder, weights: Weights, config: Gemma3Config): void {
  const { hiddenSize, intermediateSize, attentionBias, queryPreAttnScalar, finalLogitSoftcapping, localLayers, rmsNormEps } =
    config
  const around = decoder(whole, config)
  const ropes = [ropeTables(whole, config), ropeTables(whole, config.localRope, 'local_rope')]
  const norm = { size: hiddenSize, epsilon: rmsNormEps, offset: 1 }
  const attention = {
    ...config,
    bias: { input: attentionBias, output: attentionBias },
    scale: 1 / Math.sqrt(queryPreAttnScalar),
    norm: { epsilon: rmsNormEps, offset: 1 },
  }
  const mlp = { hidden: hiddenSize, intermediate: intermediateSize, bias: false, activation: 'gelu_tanh' } as const

  const size = { ...config, norm, embeddingScale: Math.sqrt(hiddenSize), softCap: finalLogitSoftcapping }
  stack(whole, weights, around, size, ({ graph, layer, path, hidden }) => {
    const normed = (value: Value, name: string) => rmsNorm(graph, weights, value, `${path}.${name}_layernorm`, norm)
    const mixed = selfAttention(graph, weights, normed(hidden, 'input'), `${path}.self_attn`, around, layer, {
      ...attention,
      rope: ropes[Number(localLayers[layer])]!,
    })
    const residual = [around.selectRead(layer, hidden), normed(mixed, 'post_attention')]
    const middle = graph.node('Add', residual, { name: 'residual/attention' })

    const fed = gatedMlp(graph, weights, normed(middle, 'pre_feedforward'), `${path}.mlp`, mlp)
    return graph.node('Add', [middle, normed(fed, 'post_feedforward')], { name: 'residual/mlp' })
  })
}
