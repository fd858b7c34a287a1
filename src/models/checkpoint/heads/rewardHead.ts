import { ModelError, OptionError } from '../../../core/errors.js'
import type { ModelConfig } from '../families/config.js'
import type { Checkpoint } from '../loadCheckpoint.js'
import { labelIndex } from './labels.js'

/** A projection of hidden states to numbers: names of tensors [labels, width] and [labels], and the row that is read. */
export type RewardHead = Readonly<{ weight: string; bias?: string; labels: number; label: number }>

/**
 * What a decoder's reward is: the logit of a classifier's `label`, a `value` head's number, or the log-probability that its
 * `vocabulary` head gives to the tokens themselves.
 */
export type RewardKind = 'label' | 'value' | 'vocabulary'

/** A decoder as a reward. */
export type RewardReading = Readonly<{
  kind: RewardKind
  /** The config of a graph that gives it. */
  config: ModelConfig
  /** Name of the label, where it is one of several. */
  label?: string
}>

/** DeepSpeed-Chat's value head, and trl's. */
const valueHeads: readonly Pick<RewardHead, 'weight' | 'bias'>[] = [
  { weight: 'v_head.weight' },
  { weight: 'v_head.summary.weight', bias: 'v_head.summary.bias' },
]

/** The value head that a checkpoint's tensors hold, whatever its config says. */
export const valueHeadOf = ({ tensors }: Pick<Checkpoint, 'tensors'>) => valueHeads.find(({ weight }) => tensors.has(weight))

/**
 * How a decoder is read as a reward. A classifier by one of its labels; otherwise by a value head, where there is one among the tensors
 * (config.json does not tell of it); otherwise by its vocabulary.
 *
 * @param asked the label's name or index, if any
 * @throws ModelError when there are several labels and none was asked for, or no head at all
 * @throws OptionError for a label that the model does not have
 * @see DeepSpeed-Chat utils/model/reward_model.py; trl models/modeling_value_head.py; GenARM (Xu et al., ICLR 2025) section 3
 */
export function rewardReading(
  checkpoint: Pick<Checkpoint, 'config' | 'tensors' | 'folder'>,
  asked: string | undefined,
  role: string,
): RewardReading {
  const { config, folder } = checkpoint
  const { labels } = config
  if (labels) {
    const label = labelIndex(labels, asked, { role, folder })
    const rewardHead = { weight: 'score.weight', labels: labels.length, label }
    return { kind: 'label', config: { ...config, rewardHead }, ...(labels.length > 1 && { label: labels[label]! }) }
  }
  if (asked !== undefined)
    throw new OptionError(`Expected no label for \`${role}\`: ${folder} holds no classifier with labels, got \`${asked}\``)
  const value = valueHeadOf(checkpoint)
  if (value) return { kind: 'value', config: { ...config, head: 'reward', rewardHead: { ...value, labels: 1, label: 0 } } }
  if (config.bare)
    throw new ModelError(
      `Expected a head in ${folder}, got a body alone: none of ${valueHeads.map(({ weight }) => `\`${weight}\``).join(', ')}`,
    )
  return { kind: 'vocabulary', config }
}
