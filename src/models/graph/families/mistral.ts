import type { MistralConfig } from '../../checkpoint/families/mistralConfig.js'
import type { GraphBuilder } from '../builder.js'
import { decoder } from '../layers/decoder.js'
import { gatedMlp } from '../layers/gatedMlp.js'
import { rmsNorm } from '../layers/rmsNorm.js'
import { ropeTables } from '../layers/rope.js'
import { selfAttention } from '../layers/selfAttention.js'
import { stack } from '../layers/stack.js'
import type { Weights } from '../weights.js'

/**
 * A Mistral model, which is Llama without biases and with a sliding window in all layers. Inputs and outputs as buildGraph.ts
 * describes them.
 *
 * @see transformers 5 models/mistral/modeling_mistral.py
 */
export function mistral(whole: GraphBuilder, weights: Weights, config: MistralConfig, positions: number): void {
  const { hiddenSize, intermediateSize, rmsNormEps } = config
  const around = decoder(whole, config)
  const rope = ropeTables(whole, config, positions)
  const norm = { size: hiddenSize, epsilon: rmsNormEps }
  const attention = { ...config, rope, bias: { input: false, output: false } }
  const mlp = { hidden: hiddenSize, intermediate: intermediateSize, bias: false, activation: 'silu' } as const

  stack(whole, weights, around, { ...config, norm }, ({ graph, layer, path, hidden }) => {
    const normed = rmsNorm(graph, weights, hidden, `${path}.input_layernorm`, norm)
    const mixed = selfAttention(graph, weights, normed, `${path}.self_attn`, around, layer, attention)
    const middle = graph.node('Add', [around.wanted(layer, hidden), mixed], { name: 'residual/attention' })

    const renormed = rmsNorm(graph, weights, middle, `${path}.post_attention_layernorm`, norm)
    const fed = gatedMlp(graph, weights, renormed, `${path}.mlp`, mlp)
    return graph.node('Add', [middle, fed], { name: 'residual/mlp' })
  })
}
