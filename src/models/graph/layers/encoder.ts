import type { EncoderConfig } from '../../checkpoint/families/encoderConfig.js'
import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'
import { activation } from './activation.js'
import { embedding } from './embedding.js'
import { layerNorm } from './layerNorm.js'
import { linear } from './linear.js'

/** The output for a text: one label of a classifier, or an embedding (mean of its tokens, first token, or first token through the pooler). */
export type EncoderReading = Readonly<{ label: number }> | 'mean' | 'cls' | 'pooler'

/**
 * The body of BERT and its descendants: embeddings, then layers with norms after the residuals. The inputs are those of buildEncoder.ts. Returns the
 * sum of the hidden states weighted by `pooling`: float [B, hidden].
 *
 * @param body prefix of the body's tensor names
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

/** Queries, keys and values float [B, S, heads · headDim]; `bias` float [B, 1, 1, S] is added to the scores. */
type FullAttention = Readonly<{ query: Value; key: Value; value: Value; bias: Value; heads: number; headDim: number }>

/** Attention of every token to every token: [B, S, heads · headDim]. */
function fullAttention(graph: GraphBuilder, { heads, headDim, bias, ...projected }: FullAttention): Value {
  const shape = (name: string, ...dims: number[]) =>
    graph.constant(`shape/${name}`, BigInt64Array.from(dims, BigInt), [dims.length])
  const perHead = shape('heads', 0, 0, heads, headDim)
  const split = (value: Value, perm: readonly number[], name: string) =>
    graph.node('Transpose', [graph.node('Reshape', [value, perHead], { name: `${name}/split` })], {
      name,
      attributes: { perm: { ints: perm } },
    })
  const scale = graph.constant('scale', Float32Array.of(1 / Math.sqrt(headDim)), [])
  const query = graph.node('Mul', [split(projected.query, [0, 2, 1, 3], 'query'), scale], { name: 'query/scaled' })
  const scores = graph.node('MatMul', [query, split(projected.key, [0, 2, 3, 1], 'key')], { name: 'scores' })
  const masked = graph.node('Add', [scores, bias], { name: 'masked' })
  const probabilities = graph.node('Softmax', [masked], { name: 'probabilities', attributes: { axis: { int: -1 } } })
  const sum = graph.node('MatMul', [probabilities, split(projected.value, [0, 2, 1, 3], 'value')], { name: 'sum' })
  const turned = graph.node('Transpose', [sum], { name: 'sum/turn', attributes: { perm: { ints: [0, 2, 1, 3] } } })
  return graph.node('Reshape', [turned, shape('joined', 0, 0, heads * headDim)], { name: 'joined' })
}
