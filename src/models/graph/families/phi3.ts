import type { Phi3Config } from '../../checkpoint/families/phi3Config.js'
import type { GraphBuilder } from '../builder.js'
import { decoder } from '../layers/decoder.js'
import { joinedGatedMlp } from '../layers/gatedMlp.js'
import { linear } from '../layers/linear.js'
import { rmsNorm } from '../layers/rmsNorm.js'
import { ropeTables } from '../layers/rope.js'
import { stack } from '../layers/stack.js'
import type { Weights } from '../weights.js'

/** Families with this graph; src/lists.mjs reads them. */
export const phi3Families = ['phi3'] as const

/**
 * A Phi-3 model: Llama with one projection for queries, keys and values and one for gate and up, and a sliding window in all layers. Only a part
 * of each head may rotate. Inputs and outputs are those of buildGraph.ts.
 *
 * @see transformers 5 models/phi3/modeling_phi3.py
 */
export function phi3(whole: GraphBuilder, weights: Weights, config: Phi3Config): void {
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim, rmsNormEps } = config
  const around = decoder(whole, config)
  const rope = ropeTables(whole, config)
  const norm = { size: hiddenSize, epsilon: rmsNormEps }
  const joint = { from: hiddenSize, to: (heads + 2 * kvHeads) * headDim, bias: false }
  const mlp = { hidden: hiddenSize, intermediate: intermediateSize, bias: false, activation: 'silu' } as const

  stack(whole, weights, around, { ...config, norm }, ({ graph, layer, path, hidden }) => {
    const normed = rmsNorm(graph, weights, hidden, `${path}.input_layernorm`, norm)
    const projected = linear(graph, weights, normed, `${path}.self_attn.qkv_proj`, joint)
    const attended = around.attend(layer, { joint: projected }, { rope })
    const output = { from: heads * headDim, to: hiddenSize, bias: false }
    const mixed = linear(graph, weights, attended, `${path}.self_attn.o_proj`, output)
    const middle = graph.node('Add', [around.selectRead(layer, hidden), mixed], { name: 'residual/attention' })

    const renormed = rmsNorm(graph, weights, middle, `${path}.post_attention_layernorm`, norm)
    const fed = joinedGatedMlp(graph, weights, renormed, `${path}.mlp`, mlp)
    return graph.node('Add', [middle, fed], { name: 'residual/mlp' })
  })
}
