import type { BatchedPairReward, BatchedRewardModel } from './batched.js'
import { OptionError } from './errors.js'

/** A reply so far, including a candidate, as a text reward sees it. The whole text is `prompt + completion`. */
export type ReplySoFar = Readonly<{
  /** Text of the prompt. Messages are rendered by the language model's chat template. */
  prompt: string
  /** Without special tokens; an incomplete character at the end is U+FFFD. */
  completion: string
  /**
   * The completion in two parts: what the candidates of a step share, and the rest. A reward that sends or reads many long texts can do the
   * shared part once. Not set if the reply has no candidate.
   */
  parts?: readonly [shared: string, own: string]
  /** Number of tokens of the completion, including an end token; NaN if the text was not decoded here. */
  tokens: number
  /** Whether the last token is an end token of the language model; true for a text that was not decoded here. */
  ended: boolean
}>

/**
 * Origin of a model's or function's results: a file or folder with its SHA-256 (`embedded:NAME` for a model of the package), or an address, which has
 * no hash. `model` is the server's name for the model. `dtype` is set if weights are rounded, `device` if the model ran elsewhere than on
 * a CPU, `label` if the model has several rewards, `endToken` if it reads one after replies.
 */
export type Source = Readonly<{
  path: string
  sha256?: string
  dtype?: string
  device?: string
  label?: string
  endToken?: string
  model?: string
}>

/** A reward as a function of text: one number per whole text (prompt and completion). */
export type TextReward = Readonly<{
  kind: 'text'
  name: string
  scoreTexts: (
    texts: readonly string[],
    signal: AbortSignal,
    replies: readonly ReplySoFar[],
  ) => number[] | Float32Array | Promise<number[] | Float32Array>
  /** Time limit of a call; infinite for a reward that limits its calls itself. */
  timeoutMs: number
  /** What it computes, as data. It goes into the run's metadata, so that a folder does not mix rows of two functions. */
  spec?: Readonly<Record<string, unknown>>
  /** The file or server it comes from. This goes into the metadata, too. */
  source?: Source
}>

/** How an ensemble combines its members' scores, each normalised as `(score - mean) / scale`. */
export type EnsembleRule = 'sum' | 'min' | 'mean'

/** A reward that combines other rewards of the run, by their names. */
export type EnsembleReward = Readonly<{
  kind: 'ensemble'
  name: string
  /** Names of its members. They steer through the ensemble only, unless they have weights of their own. */
  members: readonly string[]
  by: EnsembleRule
  /** For `mean`: how many standard deviations of the members to subtract. */
  c: number
  /** By name. `weight` is for `sum`. Defaults: weight 1, mean 0, scale 1. */
  weight: Readonly<Record<string, number>>
  mean: Readonly<Record<string, number>>
  scale: Readonly<Record<string, number>>
  /** Takes mean and scale from a member's own earlier scores of the sequence. */
  running: boolean
  spec: Readonly<Record<string, unknown>>
}>

/** A reward of a run; `kind` tells what it reads. */
export type RewardSource = BatchedRewardModel | BatchedPairReward | TextReward | EnsembleReward

/** What is known of a reward before it is loaded. */
export type NamedReward = Readonly<{ name: string; members?: readonly string[] }>

/**
 * Sorts rewards into the order of weights and columns: first those that steer, in their order, then the members of ensembles.
 *
 * @throws OptionError for a member that does not exist or is an ensemble
 */
export function orderedRewards<T extends NamedReward>(rewards: readonly T[]): T[] {
  const plain = rewards.filter(({ members }) => members === undefined).map(({ name }) => name)
  for (const { name, members = [] } of rewards) {
    const foreign = members.find((member) => !plain.includes(member))
    if (foreign !== undefined)
      throw new OptionError(
        `Expected \`${name}\` to be an ensemble of other rewards (${plain.join(', ') || 'none'}), got \`${foreign}\``,
      )
  }
  const members = new Set(rewards.flatMap((each) => each.members ?? []))
  return [...rewards.filter(({ name }) => !members.has(name)), ...rewards.filter(({ name }) => members.has(name))]
}
