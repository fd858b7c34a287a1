import { ModelError } from '../../core/errors.js'
import type { ModelConfig } from '../../models/checkpoint/families/config.js'
import { rewardReading } from '../../models/checkpoint/heads/rewardHead.js'
import { valueHeadOf } from '../../models/checkpoint/heads/valueHead.js'
import type { OtherFiles } from '../../models/checkpoint/unread/otherFiles.js'
import type { Tensors } from '../../models/checkpoint/weights/safetensors.js'
import type { BuiltGraph } from '../../models/graph/buildGraph.js'
import type { WeightDtype } from '../../models/graph/quantize.js'
import { languageModelGraph, rewardGraph } from '../../models/loadModel.js'

type Read = Readonly<{ config: ModelConfig; tensors: Tensors; others: OtherFiles; folder: string; dtype: WeightDtype }>

export type DescribedHeads = Readonly<{
  /** What the model can be: a language model, a reward model, or both. */
  role: string
  /** What each head gives, one line. */
  heads: string
  /** Why the model cannot be a reward, where it is a language model alone. */
  noReward?: string
  /** Tensors that no head has a use for, and files that are not read. */
  unused: readonly string[]
  /** Tensors that are rounded. */
  inMemory: BuiltGraph['inMemory']
}>

/**
 * What a decoder's heads are, each tried out as a graph.
 *
 * @throws ModelError when there is none, or a tensor is missing or of the wrong shape
 */
export function describeHeads(read: Read): DescribedHeads {
  const { config, tensors, others, folder, dtype } = read
  const { labels } = config
  const tried = attempt(() => {
    const reading = rewardReading(read, labels && '0', folder)
    return { kind: reading.kind, ...rewardGraph(read, reading, dtype) }
  })
  const value = tried.refusal === undefined && tried.made.kind === 'value' ? valueHeadOf(read) : undefined
  const speaks = !labels && !config.bare && (!value || config.tieWordEmbeddings || tensors.has('lm_head.weight'))
  if (tried.refusal && !speaks) throw tried.refusal
  const graphs = [
    ...(speaks ? [languageModelGraph(read, dtype).graph] : []),
    ...(tried.refusal === undefined && tried.made.kind !== 'vocabulary' ? [tried.made.graph] : []),
  ]
  const [first, ...further] = graphs.map(({ unusedTensors }) => unusedTensors)
  const unused = first!.filter((name) => further.every((names) => names.includes(name)))
  return {
    role: labels || !speaks ? 'reward model' : value ? 'language model and reward model' : 'language model',
    heads:
      labels && !value ? describeLabels(labels) : describeHeadNames({ speaks, value: value?.weight, isReward: !tried.refusal }),
    ...(tried.refusal && { noReward: tried.refusal.message }),
    unused: [...unused, ...others.tensors.map(({ name, file }) => `${name} (${file})`), ...others.pickled],
    inMemory: graphs[0]!.inMemory,
  }
}

type Tried<T> = Readonly<{ made: T; refusal?: undefined } | { refusal: ModelError }>

function attempt<T>(make: () => T): Tried<T> {
  try {
    return { made: make() }
  } catch (error) {
    if (error instanceof ModelError) return { refusal: error }
    throw error
  }
}

function describeHeadNames({
  speaks,
  value,
  isReward,
}: Readonly<{ speaks: boolean; value: string | undefined; isReward: boolean }>): string {
  const vocabulary =
    isReward && value === undefined ? 'vocabulary (as a reward: the log-probability of each token)' : 'vocabulary'
  return [...(speaks ? [vocabulary] : []), ...(value === undefined ? [] : [`value head \`${value}\``])].join('; ')
}

/** A classifier's labels, and whether one has to be chosen. */
export const describeLabels = (labels: readonly string[]): string =>
  labels.length === 1
    ? `one label, \`${labels[0]}\``
    : `${labels.length} labels, one to be chosen by --reward-label: ${labels.map((label) => `\`${label}\``).join(', ')}`
