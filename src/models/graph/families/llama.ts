import type { LlamaConfig } from '../../checkpoint/families/llamaConfig.js'
import type { MistralConfig } from '../../checkpoint/families/mistralConfig.js'
import type { Qwen2Config } from '../../checkpoint/families/qwen2Config.js'
import type { Qwen3Config } from '../../checkpoint/families/qwen3Config.js'
import type { GraphBuilder } from '../builder.js'
import { decoder } from '../layers/decoder.js'
import { gatedMlp } from '../layers/gatedMlp.js'
import { rmsNorm } from '../layers/rmsNorm.js'
import { ropeTables } from '../layers/rope.js'
import { selfAttention } from '../layers/selfAttention.js'
import { stack } from '../layers/stack.js'
import type { Weights } from '../weights.js'

/** Families with this graph; src/lists.mjs reads them. */
export const llamaFamilies = ['llama', 'mistral', 'qwen2', 'qwen3'] as const

/** Families that share Llama's layer. */
type LlamaLike = LlamaConfig | MistralConfig | Qwen2Config | Qwen3Config

/** The differences between the families: Qwen2 has biases on queries, keys and values only, Qwen3 norms each head of queries and keys. */
function differencesOf(config: LlamaLike) {
  const attentionBias = 'attentionBias' in config && config.attentionBias
  return {
    bias: { input: config.family === 'qwen2' || attentionBias, output: attentionBias },
    ...(config.family === 'qwen3' && { norm: { epsilon: config.rmsNormEps } }),
  }
}

/**
 * A Llama, Mistral, Qwen2 or Qwen3 model: attention and a gated MLP, each with a norm before and a residual around it. Inputs and outputs are
 * those of buildGraph.ts.
 *
 * @see transformers 5 models/llama/modeling_llama.py; models/mistral, models/qwen2 and models/qwen3 beside it
 */
export function llama(whole: GraphBuilder, weights: Weights, config: LlamaLike): void {
  const { hiddenSize, intermediateSize, rmsNormEps } = config
  const around = decoder(whole, config)
  const rope = ropeTables(whole, config)
  const norm = { size: hiddenSize, epsilon: rmsNormEps }
  const attention = { ...config, ...differencesOf(config), rope }
  const mlpBias = 'mlpBias' in config && config.mlpBias
  const mlp = { hidden: hiddenSize, intermediate: intermediateSize, bias: mlpBias, activation: 'silu' } as const

  stack(whole, weights, around, { ...config, norm }, ({ graph, layer, path, hidden }) => {
    const normed = rmsNorm(graph, weights, hidden, `${path}.input_layernorm`, norm)
    const mixed = selfAttention(graph, weights, normed, `${path}.self_attn`, around, layer, attention)
    const middle = graph.node('Add', [around.selectRead(layer, hidden), mixed], { name: 'residual/attention' })

    const renormed = rmsNorm(graph, weights, middle, `${path}.post_attention_layernorm`, norm)
    const fed = gatedMlp(graph, weights, renormed, `${path}.mlp`, mlp)
    return graph.node('Add', [middle, fed], { name: 'residual/mlp' })
  })
}
