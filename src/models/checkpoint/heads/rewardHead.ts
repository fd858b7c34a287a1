import { ModelError, OptionError } from '../../../core/errors.js'
import type { ModelConfig } from '../families/config.js'
import type { Tensors } from '../weights/safetensors.js'
import { labelIndex } from './labels.js'
import { headAt, VALUE_HEADS, valueHeadOf } from './valueHead.js'

/**
 * The reward of a decoder: the logit of a classifier's `label`, the number of a `value` head, or the log-probability of the tokens
 * themselves (`vocabulary`).
 */
export type HeadKind = 'label' | 'value' | 'vocabulary'

/** A decoder as a reward. */
export type RewardReading = Readonly<{
  kind: HeadKind
  /** The config for the graph with this head. */
  config: ModelConfig
  /** The label's name, if there are several. */
  label?: string
}>

const SCORE = 'score'

/**
 * Decides how to read a decoder as a reward: by a label of its classifier, else by a value head among its tensors, else by its
 * vocabulary. The last is refused if config.json has a key that belongs to another head.
 *
 * @param choice the label's name or index, if any
 * @throws ModelError if there are several labels and no choice, no head, several value heads, or an unsupported normalization
 * @throws OptionError for a label that the model does not have
 * @see DeepSpeed-Chat utils/model/reward_model.py; trl models/modeling_value_head.py; GenARM (Xu et al., ICLR 2025) section 3
 */
export function rewardReading(
  checkpoint: Readonly<{ config: ModelConfig; tensors: Tensors; folder: string }>,
  choice: string | undefined,
  role: string,
): RewardReading {
  const { config, tensors, folder } = checkpoint
  const { labels, rewardNorm } = config
  const scores = headAt(SCORE, tensors)
  const value = labels && scores ? undefined : valueHeadOf(checkpoint)
  if (labels && !value) {
    const label = labelIndex(labels, choice, { role, folder })
    // The single layer of transformers' classes has no bias. A bias in the checkpoint stays unused, so it is refused.
    const stack = scores && scores.hidden.length > 0 ? scores : { weight: `${SCORE}.weight` }
    const rewardHead = { ...stack, labels: labels.length, label }
    return { kind: 'label', config: { ...config, rewardHead }, ...(labels.length > 1 && { label: labels[label]! }) }
  }
  if (choice !== undefined)
    throw new OptionError(`Expected no label for \`${role}\`: ${folder} holds no classifier with labels, got \`${choice}\``)
  if (value) {
    if (config.rewardProblem !== undefined) throw new ModelError(config.rewardProblem)
    const rewardHead = { ...value, labels: 1, label: 0, ...(rewardNorm && { norm: rewardNorm }) }
    return { kind: 'value', config: { ...config, head: 'reward', rewardHead } }
  }
  if (config.bare)
    throw new ModelError(
      `Expected a head in ${folder}, got only a body: none of ${VALUE_HEADS.map((path) => `\`${path}.weight\``).join(', ')}`,
    )
  if (config.rewardKey !== undefined)
    throw new ModelError(
      `Expected a reward head in ${folder}, because its config.json has \`${config.rewardKey}\`, found only a language model's head`,
    )
  return { kind: 'vocabulary', config }
}
