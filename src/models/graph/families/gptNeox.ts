import type { GptNeoxConfig } from '../../checkpoint/families/gptNeoxConfig.js'
import type { GraphBuilder, Value } from '../builder.js'
import { type DecoderFrame, decoder } from '../layers/decoder.js'
import { embedding } from '../layers/embedding.js'
import { head, readsEmbedding } from '../layers/head.js'
import { layerNorm } from '../layers/layerNorm.js'
import { linear } from '../layers/linear.js'
import { mlp } from '../layers/mlp.js'
import { type RopeTables, ropeTables } from '../layers/rope.js'
import type { Weights } from '../weights.js'

/** Families with this graph; src/lists.mjs reads them. */
export const gptNeoxFamilies = ['gpt_neox'] as const

const PREFIXES = ['gpt_neox.', '']

/**
 * A GPT-NeoX model (Pythia). Inputs and outputs are those of buildGraph.ts.
 *
 * @see transformers 5 models/gpt_neox/modeling_gpt_neox.py
 */
export function gptNeox(graph: GraphBuilder, weights: Weights, config: GptNeoxConfig): void {
  const { hiddenSize, vocabSize, layerNormEps } = config
  const around = decoder(graph, config)
  const body = weights.prefixOf('embed_in.weight', PREFIXES)
  const rope = ropeTables(graph, config)

  // transformers 4 calls the output projection embed_out.
  const size = { ...config, embedding: `${body}embed_in`, projections: ['lm_head', 'embed_out'] }
  const shared = readsEmbedding(weights, size)
  let hidden = embedding(graph, weights, around.inputIds, `${body}embed_in.weight`, [vocabSize, hiddenSize], { shared })
  for (let layer = 0; layer < config.layers; layer++) hidden = block(graph, weights, hidden, layer, body, config, around, rope)

  const normed = layerNorm(graph, weights, hidden, `${body}final_layer_norm`, { size: hiddenSize, epsilon: layerNormEps })
  head(graph, weights, normed, size)
}

/** One decoder layer: [N, 1, hidden] → [N, 1, hidden], the last one [R, 1, hidden]. */
function block(
  whole: GraphBuilder,
  weights: Weights,
  hidden: Value,
  layer: number,
  body: string,
  config: GptNeoxConfig,
  { attend, selectRead }: DecoderFrame,
  rope: RopeTables,
): Value {
  const { hiddenSize, intermediateSize, attentionBias: bias, layerNormEps, activation } = config
  const path = `${body}layers.${layer}`
  const graph = whole.scope(`layers.${layer}`)
  const norm = (values: Value, name: string) =>
    layerNorm(graph, weights, values, `${path}.${name}`, { size: hiddenSize, epsilon: layerNormEps })

  const wide = { from: hiddenSize, to: 3 * hiddenSize, bias }
  const joint = linear(graph, weights, norm(hidden, 'input_layernorm'), `${path}.attention.query_key_value`, wide)
  const square = { from: hiddenSize, to: hiddenSize, bias }
  const attended = attend(layer, { joint, perHead: true }, { rope })
  const mixed = linear(graph, weights, attended, `${path}.attention.dense`, square)
  const middle = graph.node('Add', [mixed, selectRead(layer, hidden)], { name: 'residual/attention' })

  const read = config.parallelResidual ? selectRead(layer, hidden) : middle
  const layers = { first: `${path}.mlp.dense_h_to_4h`, second: `${path}.mlp.dense_4h_to_h` }
  const size = { hidden: hiddenSize, intermediate: intermediateSize, activation, bias: true }
  const fed = mlp(graph, weights, norm(read, 'post_attention_layernorm'), layers, size)
  return graph.node('Add', [fed, middle], { name: 'residual/mlp' })
}
