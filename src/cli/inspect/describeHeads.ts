import type { ModelConfig } from '../../models/checkpoint/families/config.js'
import { rewardReading, valueHeadOf } from '../../models/checkpoint/heads/rewardHead.js'
import type { Tensors } from '../../models/checkpoint/weights/safetensors.js'
import { type BuiltGraph, buildGraph } from '../../models/graph/buildGraph.js'
import type { WeightDtype } from '../../models/graph/quantize.js'

type Read = Readonly<{ config: ModelConfig; tensors: Tensors; folder: string; dtype: WeightDtype }>

export type DescribedHeads = Readonly<{
  /** What the model can be: a language model, a reward model, or both. */
  role: string
  /** What each head gives, one line. */
  heads: string
  /** Tensors that no head has a use for. */
  unusedTensors: readonly string[]
  /** Tensors that are rounded. */
  inMemory: BuiltGraph['inMemory']
}>

/**
 * What a decoder's heads are, each tried out as a graph.
 *
 * @throws ModelError when there is none, or a tensor is missing or of the wrong shape
 */
export function describeHeads({ config, tensors, folder, dtype }: Read): DescribedHeads {
  const { labels } = config
  const value = valueHeadOf({ tensors })
  const speaks = !labels && !config.bare && (!value || config.tieWordEmbeddings || tensors.has('lm_head.weight'))
  const reward = rewardReading({ config, tensors, folder }, labels && '0', folder)
  const graphs = [...(speaks ? [config] : []), ...(reward.kind === 'vocabulary' ? [] : [reward.config])].map((each) =>
    buildGraph(each, tensors, dtype),
  )
  const [first, ...others] = graphs.map(({ unusedTensors }) => unusedTensors)
  return {
    role: labels || !speaks ? 'reward model' : value ? 'language model and reward model' : 'language model',
    heads: labels
      ? describeLabels(labels)
      : [...(speaks ? [value ? 'vocabulary' : SPEAKS] : []), ...(value ? [`value head \`${value.weight}\``] : [])].join('; '),
    unusedTensors: first!.filter((name) => others.every((unused) => unused.includes(name))),
    inMemory: graphs[0]!.inMemory,
  }
}

const SPEAKS = 'vocabulary (as a reward: the log-probability of each token)'

/** A classifier's labels, and whether one has to be chosen. */
export const describeLabels = (labels: readonly string[]): string =>
  labels.length === 1
    ? `one label, \`${labels[0]}\``
    : `${labels.length} labels, one to be chosen by --reward-label: ${labels.map((label) => `\`${label}\``).join(', ')}`
