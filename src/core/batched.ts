import type { Capabilities, Logits, Need, TextCodec } from './model.js'
import type { Sequence } from './sequence.js'
import type { Message, TemplateVariables } from './text/conversation.js'

/** A call of a batched language model. With `upTo` it reads the first `upTo` tokens ahead and gives no logits. */
export type LogitsCall = Readonly<{ sequence: Sequence; need: Need; upTo?: number }>

/** A call for the last hidden states of every position of `sequence` and of each candidate appended to it. */
export type StatesCall = Readonly<{ sequence: Sequence; candidateIds: Int32Array }>

/**
 * A call of a batched reward model, in its own token ids. It reads the reward at the last token of each branch appended to `tokenIds`, for an
 * empty branch at the last of `tokenIds`. A model whose unit is `logprob` gives the sum of the log-probabilities of a branch's tokens, each
 * given `tokenIds` and the branch's tokens before it. `key` identifies the cache. `upTo` is as in `LogitsCall` and gives no rewards.
 */
export type RewardCall = Readonly<{
  key: object
  tokenIds: readonly number[]
  branches: readonly (readonly number[])[]
  upTo?: number
}>

/** A loaded language model: batched calls, its tokenizer and what it can do. */
export interface BatchedLanguageModel {
  readonly capabilities: Capabilities
  readonly codec: TextCodec
  readonly contextLength: number
  readonly endTokenIds: readonly number[]
  readonly stopStrings: readonly string[]
  readonly maxBatch: number
  /** Calls that read a long prompt ahead end at multiples of this; without it a prompt is one call. */
  readonly chunk?: number
  /** Calls are independent requests: each goes at once and waits for no other, and `release` cancels it. */
  readonly sideBySide?: boolean
  run(calls: readonly LogitsCall[]): Promise<Logits[]>
  /**
   * For each sequence the log-probability of each of its decoded tokens, given the prompt and those before it. It reads whole sequences in pieces.
   * Positions that depend on the length (`longrope`) are those of the whole sequence, as in transformers. Absent if the model reads one token at a time.
   */
  logprobs?(sequences: readonly Sequence[]): Promise<Float32Array[]>
  /** For each call one state per position, then one per candidate; absent if `capabilities.hiddenStates` is false. */
  hiddenStates?(calls: readonly StatesCall[]): Promise<Float32Array[][]>
  release(key: object): void
}

/** A loaded reward model that reads token ids. */
export interface BatchedRewardModel {
  readonly kind: 'tokens'
  readonly name: string
  /** What a call gives: a reward of the whole sequence (default), or log-probabilities of its branches (an autoregressive reward model). */
  readonly unit?: 'reward' | 'logprob'
  readonly codec: TextCodec
  /** How many token ids it can read; without it, its calls are not checked. */
  readonly vocabSize?: number
  readonly contextLength: number
  readonly maxBatch: number
  /** As in a language model. */
  readonly chunk?: number
  /** A special token of a tokenizer that differs from the language model's. It reads the token after a reply that ended by one. */
  readonly endToken?: string
  run(calls: readonly RewardCall[]): Promise<Float32Array[]>
  release(key: object): void
}

/** Tokens of one or two texts as a model reads them, including special tokens. `typeIds` says which text each belongs to. */
export type EncodedPair = Readonly<{ tokenIds: readonly number[]; typeIds: readonly number[] }>

/** A reward model that reads prompt and completion as a pair of texts (a cross-encoder). It has no cache. */
export interface BatchedPairReward {
  readonly kind: 'pairs'
  readonly name: string
  readonly maxBatch: number
  /**
   * Encodes prompt and completion in the model's own tokens.
   *
   * @throws RewardError if they have no tokens, or more than the context holds; nothing is cut
   */
  encodePair(prompt: string, completion: string): EncodedPair
  /** As in a `TextCodec`. */
  render(messages: readonly Message[], variables?: TemplateVariables): string
  /** Gives one reward per pair of each call. */
  run(calls: readonly (readonly EncodedPair[])[]): Promise<Float32Array[]>
}
