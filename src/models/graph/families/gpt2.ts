import type { Gpt2Config } from '../../checkpoint/families/gpt2Config.js'
import type { GraphBuilder, Value } from '../builder.js'
import { type DecoderFrame, decoder } from '../layers/decoder.js'
import { embedding } from '../layers/embedding.js'
import { head, readsEmbedding } from '../layers/head.js'
import { layerNorm } from '../layers/layerNorm.js'
import { learnedPositions } from '../layers/learnedPositions.js'
import { linear } from '../layers/linear.js'
import { mlp } from '../layers/mlp.js'
import type { Weights } from '../weights.js'

/** Families with this graph; src/lists.mjs reads them. */
export const gpt2Families = ['gpt2'] as const

/** The hub's gpt2 is a bare GPT2Model. */
const PREFIXES = ['transformer.', '']

/**
 * A GPT-2 model. Inputs and outputs are those of buildGraph.ts.
 *
 * @see transformers 5 models/gpt2/modeling_gpt2.py
 */
export function gpt2(graph: GraphBuilder, weights: Weights, config: Gpt2Config): void {
  const { hiddenSize, vocabSize, contextLength, layerNormEps } = config
  const around = decoder(graph, config)
  const body = weights.prefixOf('wte.weight', PREFIXES)
  const size = { ...config, embedding: `${body}wte` }
  const shared = readsEmbedding(weights, size)
  const tokens = embedding(graph, weights, around.inputIds, `${body}wte.weight`, [vocabSize, hiddenSize], { shared })
  const positions = learnedPositions(graph, weights, around.positionIds, `${body}wpe.weight`, {
    contextLength,
    width: hiddenSize,
    offset: 0,
  })
  let hidden = graph.node('Add', [tokens, positions], { name: 'embedded' })
  for (let layer = 0; layer < config.layers; layer++) hidden = block(graph, weights, hidden, layer, body, config, around)

  const normed = layerNorm(graph, weights, hidden, `${body}ln_f`, { size: hiddenSize, epsilon: layerNormEps })
  head(graph, weights, normed, size)
}

/** One decoder layer: [N, 1, hidden] → [N, 1, hidden], the last one [R, 1, hidden]. */
function block(
  whole: GraphBuilder,
  weights: Weights,
  hidden: Value,
  layer: number,
  body: string,
  config: Gpt2Config,
  { attend, selectRead }: DecoderFrame,
): Value {
  const { hiddenSize, intermediateSize, layerNormEps, activation } = config
  const path = `${body}h.${layer}`
  const graph = whole.scope(`layers.${layer}`)
  const norm = (values: Value, name: string) =>
    layerNorm(graph, weights, values, `${path}.${name}`, { size: hiddenSize, epsilon: layerNormEps })
  const conv1d = { bias: true, transposed: true }

  const wide = { from: hiddenSize, to: 3 * hiddenSize, ...conv1d }
  const joint = linear(graph, weights, norm(hidden, 'ln_1'), `${path}.attn.c_attn`, wide)
  const attended = attend(layer, { joint }, { scale: scaleOf(config, layer) })
  const square = { from: hiddenSize, to: hiddenSize, ...conv1d }
  const mixed = linear(graph, weights, attended, `${path}.attn.c_proj`, square)
  const middle = graph.node('Add', [mixed, selectRead(layer, hidden)], { name: 'residual/attention' })

  const layers = { first: `${path}.mlp.c_fc`, second: `${path}.mlp.c_proj` }
  const size = { hidden: hiddenSize, intermediate: intermediateSize, activation, ...conv1d }
  return graph.node('Add', [middle, mlp(graph, weights, norm(middle, 'ln_2'), layers, size)], { name: 'residual/mlp' })
}

const scaleOf = ({ headDim, scaleByHeadDim, scaleByLayer }: Gpt2Config, layer: number): number =>
  (scaleByHeadDim ? 1 / Math.sqrt(headDim) : 1) / (scaleByLayer ? layer + 1 : 1)
