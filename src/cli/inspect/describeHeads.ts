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
  /** Language model, reward model, or both. */
  role: string
  /** Describes the heads in one line. */
  heads: string
  /** Why the model cannot be a reward, if it is only a language model. */
  noReward?: string
  /** Tensors that no head uses, and files that are not read. */
  unused: readonly string[]
  /** Tensors that are quantized. */
  inMemory: BuiltGraph['inMemory']
}>

/**
 * Finds the heads of a decoder by building the graph of each.
 *
 * @throws ModelError if there is none, or if a tensor is missing or has the wrong shape
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
    unused: [...unused, ...unreadNames(others)],
    inMemory: graphs[0]!.inMemory,
  }
}

/** Names what a folder holds besides the model. */
export const unreadNames = ({ tensors, foreign, spare, copies }: OtherFiles): string[] => [
  ...tensors.map(({ name, file }) => `${name} (${file})`),
  ...foreign,
  ...spare,
  ...copies,
]

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

/** Describes the labels of a classifier. */
export const describeLabels = (labels: readonly string[]): string =>
  labels.length === 1
    ? `one label, \`${labels[0]}\``
    : `${labels.length} labels, choose one with --reward-label: ${labels.map((label) => `\`${label}\``).join(', ')}`
