import type { Gemma2Config } from '../../checkpoint/families/gemma2Config.js'
import type { GraphBuilder, Value } from '../builder.js'
import { decoder } from '../layers/decoder.js'
import { gatedMlp } from '../layers/gatedMlp.js'
import { rmsNorm } from '../layers/rmsNorm.js'
import { ropeTables } from '../layers/rope.js'
import { selfAttention } from '../layers/selfAttention.js'
import { stack } from '../layers/stack.js'
import type { Weights } from '../weights.js'

/** Families with this graph; src/lists.mjs reads them. */
export const gemma2Families = ['gemma2'] as const

/**
 * A Gemma 2 model. Attention and MLP each have a norm before and after; norm weights are stored minus one. Attention scores and logits have soft
 * caps, and local layers alternate with full ones. Inputs and outputs are those of buildGraph.ts.
 *
 * @see transformers 5 models/gemma2/modeling_gemma2.py
 */
export function gemma2(whole: GraphBuilder, weights: Weights, config: Gemma2Config): void {
  const {
    hiddenSize,
    intermediateSize,
    attentionBias,
    queryPreAttnScalar,
    attnLogitSoftcapping,
    finalLogitSoftcapping,
    rmsNormEps,
  } = config
  const around = decoder(whole, config)
  const rope = ropeTables(whole, config)
  const norm = { size: hiddenSize, epsilon: rmsNormEps, offset: 1 }
  const attention = {
    ...config,
    rope,
    bias: { input: attentionBias, output: attentionBias },
    scale: 1 / Math.sqrt(queryPreAttnScalar),
    ...(attnLogitSoftcapping !== undefined && { softCap: attnLogitSoftcapping }),
  }
  const mlp = { hidden: hiddenSize, intermediate: intermediateSize, bias: false, activation: 'gelu_tanh' } as const

  const size = { ...config, norm, embeddingScale: Math.sqrt(hiddenSize), softCap: finalLogitSoftcapping }
  stack(whole, weights, around, size, ({ graph, layer, path, hidden }) => {
    const normed = (value: Value, name: string) => rmsNorm(graph, weights, value, `${path}.${name}_layernorm`, norm)
    const mixed = selfAttention(graph, weights, normed(hidden, 'input'), `${path}.self_attn`, around, layer, attention)
    const residual = [around.selectRead(layer, hidden), normed(mixed, 'post_attention')]
    const middle = graph.node('Add', residual, { name: 'residual/attention' })

    const fed = gatedMlp(graph, weights, normed(middle, 'pre_feedforward'), `${path}.mlp`, mlp)
    return graph.node('Add', [middle, normed(fed, 'post_feedforward')], { name: 'residual/mlp' })
  })
}
