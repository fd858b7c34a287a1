import type { EncoderConfig } from '../../checkpoint/families/encoderConfig.js'
import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'
import { activation } from './activation.js'
import { embedding } from './embedding.js'
import { fullAttention } from './fullAttention.js'
import { layerNorm } from './layerNorm.js'
import { linear } from './linear.js'

/**
 * The body that BERT and its descendants share: inputs as buildEncoder.ts describes them, embeddings, layers with their norms behind
 * the residuals. Gives the positions' hidden states weighed by `pooling`: float [B, hidden].
 *
 * @param body what the names of the body's tensors begin with
 * @see transformers 5 models/bert/modeling_bert.py `BertEmbeddings`, `BertLayer`
 */
export function encoder(graph: GraphBuilder, weights: Weights, config: EncoderConfig, body: string): Value {
  const { hiddenSize, vocabSize, typeVocabSize, positions, layerNormEps } = config
  const ids = (name: string) => graph.input(name, 'int64', ['B', 'S'])
  const table = (input: Value, name: string, rows: number) =>
    embedding(graph.scope(name), weights, input, `${body}embeddings.${name}.weight`, [rows, hiddenSize])
  const words = table(ids('input_ids'), 'word_embeddings', vocabSize)
  const typed = graph.node('Add', [words, table(ids('token_type_ids'), 'token_type_embeddings', typeVocabSize)])
  const placed = graph.node('Add', [typed, table(ids('position_ids'), 'position_embeddings', positions)])
  const bias = graph.input('bias', 'float', ['B', 1, 1, 'S'])
  const pooling = graph.input('pooling', 'float', ['B', 1, 'S'])

  const norm = { size: hiddenSize, epsilon: layerNormEps }
  let hidden = layerNorm(graph.scope('embeddings'), weights, placed, `${body}embeddings.LayerNorm`, norm)
  for (let layer = 0; layer < config.layers; layer++)
    hidden = block(graph.scope(`layers.${layer}`), weights, hidden, `${body}encoder.layer.${layer}`, config, bias)
  const pooled = graph.node('MatMul', [pooling, hidden], { name: 'pooled' })
  return graph.node('Squeeze', [pooled, graph.constant('pooled/axis', BigInt64Array.of(1n), [1])], { name: 'pooled/flat' })
}

/** One layer: [B, S, hidden] → [B, S, hidden]. */
function block(graph: GraphBuilder, weights: Weights, hidden: Value, path: string, config: EncoderConfig, bias: Value): Value {
  const { hiddenSize, intermediateSize, heads, headDim, layerNormEps, activation: name } = config
  const norm = { size: hiddenSize, epsilon: layerNormEps }
  const dense = (input: Value, own: string, from: number, to: number) =>
    linear(graph, weights, input, `${path}.${own}`, { from, to, bias: true })
  const square = (input: Value, own: string) => dense(input, own, hiddenSize, hiddenSize)

  const [query, key, value] = ['query', 'key', 'value'].map((part) => square(hidden, `attention.self.${part}`)) as [
    Value,
    Value,
    Value,
  ]
  const mixed = fullAttention(graph.scope('attention'), { query, key, value, bias, heads, headDim })
  const attended = graph.node('Add', [square(mixed, 'attention.output.dense'), hidden], { name: 'residual/attention' })
  const middle = layerNorm(graph, weights, attended, `${path}.attention.output.LayerNorm`, norm)
  const wide = activation(graph, dense(middle, 'intermediate.dense', hiddenSize, intermediateSize), name)
  const fed = dense(wide, 'output.dense', intermediateSize, hiddenSize)
  return layerNorm(graph, weights, graph.node('Add', [fed, middle], { name: 'residual/mlp' }), `${path}.output.LayerNorm`, norm)
}
