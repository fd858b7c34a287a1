import type { BatchedPairReward, BatchedRewardModel } from './batched.js'
import { OptionError } from './errors.js'

/** What a reward written over text is told of a reply so far, a candidate included: `prompt + completion` is the text. */
export type ReplySoFar = Readonly<{
  /** The prompt's text; messages as the language model's chat template renders them. */
  prompt: string
  /** Without special tokens; an incomplete character at the end is U+FFFD. */
  completion: string
  /** Tokens of the completion, an end token included; NaN of a text that was not decoded here. */
  tokens: number
  /** Whether the last of them is an end token of the language model; true of such a text. */
  ended: boolean
}>

/**
 * Where answers come from: a file or folder with its SHA-256 (`embedded:NAME` of a model of the package), or an address, which has none. `model`:
 * the server's name of it; `dtype` where weights are not computed with as they are; `label` where a reward is one of a model's several.
 */
export type Source = Readonly<{ path: string; sha256?: string; dtype?: string; label?: string; model?: string }>

/** A reward written over text: of each whole text (prompt and completion), one number. */
export type TextReward = Readonly<{
  kind: 'text'
  name: string
  scoreTexts: (
    texts: readonly string[],
    signal: AbortSignal,
    replies: readonly ReplySoFar[],
  ) => number[] | Float32Array | Promise<number[] | Float32Array>
  timeoutMs: number
  /** What it computes, as data: goes into what a run says of itself, so that rows of another are not mixed in. */
  spec?: Readonly<Record<string, unknown>>
  /** The file it was read from, or the server that gives it: goes there, too. */
  source?: Source
}>

/** How an ensemble makes one number of its members' (each normalised: `(score - mean) / scale`). */
export type EnsembleRule = 'sum' | 'min' | 'mean'

/** A reward made of others of the run, which it names. */
export type EnsembleReward = Readonly<{
  kind: 'ensemble'
  name: string
  /** Names of its members. They steer through the ensemble, not on their own unless they are weighed. */
  members: readonly string[]
  by: EnsembleRule
  /** Of `mean`: standard deviations of the members that are taken off. */
  c: number
  /** By name. `weight`: of `sum`; those left out have weight 1, mean 0 and scale 1. */
  weight: Readonly<Record<string, number>>
  mean: Readonly<Record<string, number>>
  scale: Readonly<Record<string, number>>
  /** Mean and scale are those of a member's own earlier scores of the sequence. */
  running: boolean
  spec: Readonly<Record<string, unknown>>
}>

/** A reward of a run; `kind` tells what it reads. */
export type RewardSource = BatchedRewardModel | BatchedPairReward | TextReward | EnsembleReward

/** What can be said of a reward before it is loaded. */
export type NamedReward = Readonly<{ name: string; members?: readonly string[] }>

/**
 * The rewards in the order of weights and columns: those that steer, as they were given, then the members of ensembles.
 *
 * @throws OptionError for a member that is not there, or an ensemble itself
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
