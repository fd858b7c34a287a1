import type { Head, RewardHead } from '../../checkpoint/families/config.js'
import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'
import { activation } from './activation.js'
import { reader } from './attention.js'
import { labelScore } from './classifier.js'
import { linear } from './linear.js'
import { softCapped } from './softCapped.js'
import { topTokens } from './topTokens.js'

export type HeadSize = Readonly<{
  head: Head
  hiddenSize: number
  vocabSize: number
  tieWordEmbeddings: boolean
  /** Path of the embedding (default: Llama's). */
  embedding?: string
  /** Possible paths of the output projection (default: `lm_head`). */
  projections?: readonly string[]
  rewardHead?: RewardHead
}>

/** The one label of a classifier. */
const SCORE: RewardHead = { weight: 'score.weight', labels: 1, label: 0 }

const EMBEDDING = 'model.embed_tokens'

/** Path of a language model's output projection. transformers 5 uses one in the checkpoint even if the config ties it to the embedding. */
function projectionOf(
  weights: Weights,
  { tieWordEmbeddings, embedding = EMBEDDING, projections = ['lm_head'] }: HeadSize,
): string {
  return projections.find((path) => weights.has(`${path}.weight`)) ?? (tieWordEmbeddings ? embedding : projections[0]!)
}

/** Whether the head of a language model multiplies with the embedding's table. */
export const readsEmbedding = (weights: Weights, size: HeadSize): boolean =>
  size.head === 'lm' && projectionOf(weights, size) === (size.embedding ?? EMBEDDING)

/**
 * Writes the outputs from the last hidden states [R, 1, hidden]. A language model has `hidden_states` and `logits` float [H, 1, V] at
 * `head_positions`, capped if there is a `softCap`, and `tops`, the largest of them. A reward model has `reward` float [R, 1].
 */
export function head(whole: GraphBuilder, weights: Weights, hidden: Value, size: HeadSize, softCap?: number): void {
  const { hiddenSize, vocabSize } = size
  const graph = whole.scope('head')
  if (size.head === 'lm') {
    const read = reader(graph.scope('read'), whole.input('head_positions', whole.device === 'webgpu' ? 'int32' : 'int64', ['H']))
    const logits = linear(graph, weights, read(hidden), projectionOf(weights, size), {
      from: hiddenSize,
      to: vocabSize,
      bias: false,
    })
    whole.output('hidden_states', hidden, 'float', ['R', 1, hiddenSize])
    const capped = softCapped(graph, logits, softCap)
    whole.output('logits', capped, 'float', ['H', 1, vocabSize])
    topTokens(whole, capped, vocabSize)
  } else {
    const reward = rewardOf(graph, weights, hidden, size.rewardHead ?? SCORE, hiddenSize)
    whole.output('reward', graph.node('Squeeze', [reward, graph.constant('axis', BigInt64Array.of(-1n), [1])]), 'float', ['R', 1])
  }
}

/** The reward of hidden states: [R, 1, width] → [R, 1, 1]. Never quantised: the head decides the reward. */
function rewardOf(graph: GraphBuilder, weights: Weights, states: Value, head: RewardHead, width: number): Value {
  const { hidden = [], norm, ...last } = head
  let [values, from] = [states, width]
  for (const { weight, bias, to } of hidden) {
    const size = { from, to, bias: bias !== undefined, exact: true }
    values = activation(graph, linear(graph, weights, values, weight.replace(/\.weight$/, ''), size), 'relu')
    from = to
  }
  const value = labelScore(graph, weights, values, { ...last, from })
  if (!norm) return value
  const number = (name: keyof typeof norm) => graph.numbers(`norm/${name}`, Float32Array.of(norm[name]), [])
  return graph.node('Div', [graph.node('Sub', [value, number('mean')]), number('std')])
}
