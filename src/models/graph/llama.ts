import type { LlamaConfig } from '../checkpoint/config.js'
import type { GraphBuilder, Value } from './builder.js'
import { type AttentionContext, attention, attentionContext } from './layers/attention.js'
import { embedding } from './layers/embedding.js'
import { gatedMlp } from './layers/gatedMlp.js'
import { linear } from './layers/linear.js'
import { rmsNorm } from './layers/rmsNorm.js'
import { type RopeTables, ropeTables, rotate } from './layers/rope.js'
import type { Weights } from './weights.js'

const EMBEDDING = 'model.embed_tokens.weight'

type Shared = Readonly<{ positionIds: Value; tables: RopeTables; context: AttentionContext; read: (values: Value) => Value }>

/**
 * A Llama model: inputs and outputs as buildGraph.ts describes them.
 *
 * @see transformers 5 models/llama/modeling_llama.py
 */
export function llama(graph: GraphBuilder, weights: Weights, config: LlamaConfig, positions: number): void {
  const { hiddenSize, heads, kvHeads, headDim, vocabSize, rmsNormEps } = config
  const inputIds = graph.input('input_ids', 'int64', ['B', 'S'])
  const positionIds = graph.input('position_ids', 'int64', ['B', 'S'])
  const pastBias = graph.input('past_bias', 'float', ['B', 1, 'S_or_1', 'T'])
  const selfBias = graph.input('self_bias', 'float', ['B_or_1', 1, 'S', 'S'])
  const readPositions = graph.input('read_positions', 'int64', ['B', 'R'])
  const shared = {
    positionIds,
    tables: ropeTables(graph, config, headDim, positions),
    read: reader(graph.scope('read'), readPositions),
    context: attentionContext(graph, { inputIds, pastBias, selfBias }, heads / kvHeads),
  }

  let hidden = embedding(graph, weights, inputIds, EMBEDDING, [vocabSize, hiddenSize])
  for (let layer = 0; layer < config.layers; layer++) hidden = block(graph, weights, hidden, layer, config, shared)

  const head = graph.scope('head')
  const normed = rmsNorm(head, weights, hidden, 'model.norm', hiddenSize, rmsNormEps)
  if (config.head === 'lm') {
    const table = config.tieWordEmbeddings ? 'model.embed_tokens' : 'lm_head'
    const logits = linear(head, weights, normed, table, { from: hiddenSize, to: vocabSize, bias: false })
    graph.output('logits', logits, 'float', ['B', 'R', vocabSize])
  } else {
    const reward = linear(head, weights, normed, 'score', { from: hiddenSize, to: 1, bias: false })
    graph.output('reward', head.node('Squeeze', [reward, head.constant('axis', BigInt64Array.of(-1n), [1])]), 'float', ['B', 'R'])
  }
}

/** Takes [B, R, size] of [B, S, size]. */
function reader(graph: GraphBuilder, readPositions: Value): (values: Value) => Value {
  const indices = graph.node('Unsqueeze', [readPositions, graph.constant('axis', BigInt64Array.of(-1n), [1])])
  return (values) => graph.node('GatherND', [values, indices], { attributes: { batch_dims: { int: 1 } } })
}

/**
 * One decoder layer: [B, S, hidden] → [B, S, hidden]; its cache goes in and out beside it. After the last attention nothing looks at
 * the other positions any more: [B, R, hidden].
 */
function block(
  whole: GraphBuilder,
  weights: Weights,
  hidden: Value,
  layer: number,
  config: LlamaConfig,
  { positionIds, tables, context, read }: Shared,
): Value {
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim, attentionBias, mlpBias, rmsNormEps } = config
  const path = `model.layers.${layer}`
  const graph = whole.scope(`layers.${layer}`)
  const cache = (name: string) => whole.input(`${name}.${layer}`, 'float', ['B', kvHeads, 'T', headDim])
  const past = { key: cache('past_key'), value: cache('past_value') }

  const normed = rmsNorm(graph, weights, hidden, `${path}.input_layernorm`, hiddenSize, rmsNormEps)
  const project = (name: string, count: number) =>
    linear(graph, weights, normed, `${path}.self_attn.${name}`, { from: hiddenSize, to: count * headDim, bias: attentionBias })
  const projected = {
    query: rotate(graph, project('q_proj', heads), positionIds, tables, 'q_rope'),
    key: rotate(graph, project('k_proj', kvHeads), positionIds, tables, 'k_rope'),
    value: project('v_proj', kvHeads),
  }
  const attended = attention(graph.scope('attention'), projected, past, context, { heads, kvHeads, headDim })
  whole.output(`key.${layer}`, attended.key, 'float', ['B', kvHeads, 'S', headDim])
  whole.output(`value.${layer}`, attended.value, 'float', ['B', kvHeads, 'S', headDim])
  const wanted = layer === config.layers - 1 ? read : (values: Value) => values
  const mixed = linear(graph, weights, wanted(attended.output), `${path}.self_attn.o_proj`, {
    from: heads * headDim,
    to: hiddenSize,
    bias: attentionBias,
  })
  const middle = graph.node('Add', [wanted(hidden), mixed], { name: 'residual/attention' })

  const renormed = rmsNorm(graph, weights, middle, `${path}.post_attention_layernorm`, hiddenSize, rmsNormEps)
  const fed = gatedMlp(graph, weights, renormed, `${path}.mlp`, {
    hidden: hiddenSize,
    intermediate: intermediateSize,
    bias: mlpBias,
  })
  return graph.node('Add', [middle, fed], { name: 'residual/mlp' })
}
