import { ModelError, OptionError } from '../../../core/errors.js'
import type { ModelConfig } from '../families/config.js'
import type { Tensors } from '../weights/safetensors.js'
import { labelIndex } from './labels.js'
import { headAt, VALUE_HEADS, valueHeadOf } from './valueHead.js'

/**
 * What a decoder's reward is: the logit of a classifier's `label`, a `value` head's number, or the log-probability that its
 * `vocabulary` head gives to the tokens themselves.
 */
export type HeadKind = 'label' | 'value' | 'vocabulary'

/** A decoder as a reward. */
export type RewardReading = Readonly<{
  kind: HeadKind
  /** The config of a graph that gives it. */
  config: ModelConfig
  /** Name of the label, where it is one of several. */
  label?: string
}>

const SCORE = 'score'

/**
 * How a decoder is read as a reward. A classifier by one of its labels; otherwise by a value head, where there is one among the tensors;
 * otherwise by its vocabulary, unless config.json is that of a model with another head.
 *
 * @param asked the label's name or index, if any
 * @throws ModelError when there are several labels and none was asked for, no head, several value heads, or one that is normalized in a
 * way that is not built
 * @throws OptionError for a label that the model does not have
 * @see DeepSpeed-Chat utils/model/reward_model.py; trl models/modeling_value_head.py; GenARM (Xu et al., ICLR 2025) section 3
 */
export function rewardReading(
  checkpoint: Readonly<{ config: ModelConfig; tensors: Tensors; folder: string }>,
  asked: string | undefined,
  role: string,
): RewardReading {
  const { config, tensors, folder } = checkpoint
  const { labels, rewardNorm } = config
  const scores = headAt(SCORE, tensors)
  const value = labels && scores ? undefined : valueHeadOf(checkpoint)
  if (labels && !value) {
    const label = labelIndex(labels, asked, { role, folder })
    // The one layer of transformers' own classes has no bias: one that is stored has no use, and is refused as such.
    const stack = scores && scores.hidden.length > 0 ? scores : { weight: `${SCORE}.weight` }
    const rewardHead = { ...stack, labels: labels.length, label }
    return { kind: 'label', config: { ...config, rewardHead }, ...(labels.length > 1 && { label: labels[label]! }) }
  }
  if (asked !== undefined)
    throw new OptionError(`Expected no label for \`${role}\`: ${folder} holds no classifier with labels, got \`${asked}\``)
  if (value) {
    if (config.rewardProblem !== undefined) throw new ModelError(config.rewardProblem)
    const rewardHead = { ...value, labels: 1, label: 0, ...(rewardNorm && { norm: rewardNorm }) }
    return { kind: 'value', config: { ...config, head: 'reward', rewardHead } }
  }
  if (config.bare)
    throw new ModelError(
      `Expected a head in ${folder}, got a body alone: none of ${VALUE_HEADS.map((path) => `\`${path}.weight\``).join(', ')}`,
    )
  if (config.rewardKey !== undefined)
    throw new ModelError(
      `Expected a reward head in ${folder}, since its config.json has \`${config.rewardKey}\`, found only that of a language model`,
    )
  return { kind: 'vocabulary', config }
}
