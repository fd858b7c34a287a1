import type { Capabilities, Logits, Need, TextCodec } from './model.js'
import type { Sequence } from './sequence.js'
import type { Message, TemplateVariables } from './text/conversation.js'

/** A call of a batched language model. `upTo`: read the first so many tokens ahead, nothing is asked of them (no logits). */
export type LogitsCall = Readonly<{ sequence: Sequence; need: Need; upTo?: number }>

/** A call for last hidden states: of every position of `sequence`, and of each candidate appended to it. */
export type StatesCall = Readonly<{ sequence: Sequence; candidateIds: Int32Array }>

/**
 * A call of a batched reward model, in its own token ids: rewards read at the last token of each branch appended to `tokenIds`;
 * an empty branch is read at the last of `tokenIds`. Of a model whose unit is `logprob`: the sum of the log-probabilities of each
 * branch's tokens, every one given `tokenIds` and those of the branch before it. `key` is what its cache hangs on. `upTo`: as in LogitsCall (no rewards).
 */
export type RewardCall = Readonly<{
  key: object
  tokenIds: readonly number[]
  branches: readonly (readonly number[])[]
  upTo?: number
}>

/** A language model as it is loaded: batched calls, and what is needed to talk to it. */
export interface BatchedLanguageModel {
  readonly capabilities: Capabilities
  readonly codec: TextCodec
  readonly contextLength: number
  readonly endTokenIds: readonly number[]
  readonly stopStrings: readonly string[]
  readonly maxBatch: number
  /** A long prompt may be read ahead by calls that end at multiples of this; unless given, it comes in one call. */
  readonly chunk?: number
  /** Calls are requests of their own: each goes when it comes and waits for no other; `release` ends one that is under way. */
  readonly sideBySide?: boolean
  run(calls: readonly LogitsCall[]): Promise<Logits[]>
  /** Of each call one state a position, then one a candidate; absent where `capabilities.hiddenStates` is false. */
  hiddenStates?(calls: readonly StatesCall[]): Promise<Float32Array[][]>
  release(key: object): void
}

/** A reward model that reads token ids, as it is loaded. */
export interface BatchedRewardModel {
  readonly kind: 'tokens'
  readonly name: string
  /** What a call gives: a reward of the whole sequence (unless given), or log-probabilities of its branches (an autoregressive reward model). */
  readonly unit?: 'reward' | 'logprob'
  readonly codec: TextCodec
  readonly contextLength: number
  readonly maxBatch: number
  /** As a language model's. */
  readonly chunk?: number
  run(calls: readonly RewardCall[]): Promise<Float32Array[]>
  release(key: object): void
}

/** Tokens of one text or of two as a model reads them, special ones included; `typeIds`: which text each belongs to. */
export type EncodedPair = Readonly<{ tokenIds: readonly number[]; typeIds: readonly number[] }>

/** A reward model that reads prompt and completion as a pair of texts (a cross-encoder). It keeps nothing from call to call. */
export interface BatchedPairReward {
  readonly kind: 'pairs'
  readonly name: string
  readonly maxBatch: number
  /**
   * Prompt and completion in the model's own tokens.
   *
   * @throws RewardError when they have no tokens, or more than its context holds: nothing is cut
   */
  encodePair(prompt: string, completion: string): EncodedPair
  /** As a TextCodec's. */
  render(messages: readonly Message[], variables?: TemplateVariables): string
  /** One reward a pair, of each call's pairs. */
  run(calls: readonly (readonly EncodedPair[])[]): Promise<Float32Array[]>
}
