import type { OptConfig } from '../../checkpoint/families/optConfig.js'
import type { GraphBuilder, Value } from '../builder.js'
import { type DecoderFrame, decoder } from '../layers/decoder.js'
import { embedding } from '../layers/embedding.js'
import { head, readsEmbedding } from '../layers/head.js'
import { layerNorm } from '../layers/layerNorm.js'
import { learnedPositions } from '../layers/learnedPositions.js'
import { linear } from '../layers/linear.js'
import { mlp } from '../layers/mlp.js'
import { projectHeads } from '../layers/selfAttention.js'
import type { Weights } from '../weights.js'

/** Families with this graph; src/lists.mjs reads them. */
export const optFamilies = ['opt'] as const

/** The hub has both models with a head and bare OPTModels. */
const PREFIXES = ['model.decoder.', 'decoder.']

/** Rows before the first position. OPT's code once gave them to padding. */
const POSITION_OFFSET = 2

/** The default of torch's LayerNorm; the config has none. */
const EPSILON = 1e-5

/**
 * An OPT model. Inputs and outputs are those of buildGraph.ts.
 *
 * @see transformers 5 models/opt/modeling_opt.py
 */
export function opt(graph: GraphBuilder, weights: Weights, config: OptConfig): void {
  const { hiddenSize, embeddingSize, vocabSize, contextLength } = config
  const around = decoder(graph, config)
  const body = weights.prefixOf('embed_tokens.weight', PREFIXES)
  const projected = (values: Value, name: string, from: number, to: number) =>
    from === to ? values : linear(graph, weights, values, `${body}${name}`, { from, to, bias: false })

  const size = { ...config, hiddenSize: embeddingSize, embedding: `${body}embed_tokens` }
  const shared = readsEmbedding(weights, size)
  const tokens = embedding(graph, weights, around.inputIds, `${body}embed_tokens.weight`, [vocabSize, embeddingSize], { shared })
  const positions = learnedPositions(graph, weights, around.positionIds, `${body}embed_positions.weight`, {
    contextLength,
    width: hiddenSize,
    offset: POSITION_OFFSET,
  })
  let hidden = graph.node('Add', [projected(tokens, 'project_in', embeddingSize, hiddenSize), positions], { name: 'embedded' })
  for (let layer = 0; layer < config.layers; layer++) hidden = block(graph, weights, hidden, layer, body, config, around)

  if (config.finalNorm) hidden = layerNorm(graph, weights, hidden, `${body}final_layer_norm`, normOf(config))
  const read = projected(hidden, 'project_out', hiddenSize, embeddingSize)
  head(graph, weights, read, size)
}

const normOf = ({ hiddenSize, normAffine }: OptConfig) => ({ size: hiddenSize, epsilon: EPSILON, affine: normAffine })

/** One decoder layer: [N, 1, hidden] → [N, 1, hidden], the last one [R, 1, hidden]. */
function block(
  whole: GraphBuilder,
  weights: Weights,
  hidden: Value,
  layer: number,
  body: string,
  config: OptConfig,
  { attend, selectRead }: DecoderFrame,
): Value {
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim, bias, normBefore, activation } = config
  const path = `${body}layers.${layer}`
  const graph = whole.scope(`layers.${layer}`)
  const norm = (values: Value, name: string) => layerNorm(graph, weights, values, `${path}.${name}`, normOf(config))
  const before = (values: Value, name: string) => (normBefore ? norm(values, name) : values)
  const after = (values: Value, name: string) => (normBefore ? values : norm(values, name))
  const square = (values: Value, name: string) =>
    linear(graph, weights, values, `${path}.self_attn.${name}`, { from: hiddenSize, to: hiddenSize, bias })

  const input = before(hidden, 'self_attn_layer_norm')
  const size = { heads, kvHeads, headDim, from: hiddenSize, bias }
  const projected = projectHeads(graph, weights, input, `${path}.self_attn`, size)
  const mixed = square(attend(layer, projected), 'out_proj')
  const sum = graph.node('Add', [selectRead(layer, hidden), mixed], { name: 'residual/attention' })
  const middle = after(sum, 'self_attn_layer_norm')

  const layers = { first: `${path}.fc1`, second: `${path}.fc2` }
  const wide = { hidden: hiddenSize, intermediate: intermediateSize, activation, bias }
  const fed = mlp(graph, weights, before(middle, 'final_layer_norm'), layers, wide)
  return after(graph.node('Add', [middle, fed], { name: 'residual/mlp' }), 'final_layer_norm')
}
