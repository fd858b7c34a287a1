import type { ObservableInput } from 'rxjs'
import type { Sequence } from './sequence.js'
import type { Message, TemplateVariables } from './text/conversation.js'

export type JsonSchema = Readonly<Record<string, unknown>>

/** A grammar for replies: a JSON Schema, or EBNF (like llama.cpp's GBNF) whose first rule is `root`. */
export type GrammarSource = Readonly<{ jsonSchema: JsonSchema } | { ebnf: string }>

/**
 * Which tokens may come next, one bit per token id. The lowest bit of `bits[0]` is token 0. Depends on the decoded tokens alone. Throws
 * `ShapeError` if the grammar does not allow these.
 */
export type AllowedTokens = (sequence: Sequence) => Promise<Int32Array>

/** Converts text to token ids and back, for one vocabulary. */
export interface TextCodec {
  /** Encodes text as it is. With `special` it adds the special tokens that the tokenizer itself adds. */
  encode(text: string, special: boolean): number[]
  /** Decodes token ids; `skipSpecial` leaves special tokens out. An incomplete character at the end is U+FFFD. */
  decode(tokenIds: readonly number[], skipSpecial: boolean): string
  /** Byte tokens. Their text is known only at the end of a run of them. Absent if there are none. */
  readonly byteTokenIds?: ReadonlySet<number>
  /** Renders messages by the chat template, with an open reply at the end. Throws `TemplateError` if there is no template or it refuses. */
  render(messages: readonly Message[], variables?: TemplateVariables): string
  /** Tokens that a grammar allows, including end tokens where it may end. Absent if the codec cannot tell. Throws `OptionError` for a tokenizer without bytes. */
  grammar?(source: GrammarSource, endTokenIds: readonly number[]): AllowedTokens
  /** The same in a thread of its own, for grammars of somebody else: it ends with `signal`, or when a step takes longer than `timeoutMs`. */
  grammarThread?(
    source: GrammarSource,
    endTokenIds: readonly number[],
    limits: Readonly<{ timeoutMs: number; signal: AbortSignal }>,
  ): AllowedTokens
  readonly vocabSize: number
  /** Describes the settings in its files that are not applied. */
  readonly notices?: readonly string[]
  /** Codecs with equal fingerprints give equal token ids for equal prompts (same tokenizer and template). */
  readonly fingerprint: string
}

/** How many of the likeliest tokens a decoder needs, or the whole vocabulary. */
export type Need = number | 'all'

/**
 * Logits of the next token. Dense: `values[id]`, Float32[V]. Sparse: `tokenIds` and `values` of the n likeliest, sorted
 * descending, ties to the lower id. A forbidden token has −∞. `logSumExp` is over the whole vocabulary, if the model gives it.
 */
export type Logits = Readonly<{ tokenIds?: Int32Array; values: Float32Array; logSumExp?: number }>

/** `all`: it gives the logits of the whole vocabulary, which then has `maxTop` tokens. Otherwise `maxTop` is how many of the likeliest it gives at most. */
export type Capabilities = Readonly<{ all: boolean; maxTop: number; hiddenStates: boolean; unit: 'logit' | 'logprob' }>

/** A language model as operators see it, one sequence at a time. Results depend on the tokens only. */
export interface LanguageModel {
  /** `lm`, or the name of a further language model. */
  readonly name: string
  readonly capabilities: Capabilities
  readonly codec: TextCodec
  readonly endTokenIds: readonly number[]
  /** Logits of the token after `sequence`, if given with other tokens in place of its prompt. */
  logits(sequence: Sequence, need: Need, promptTokenIds?: readonly number[]): ObservableInput<Logits>
  /**
   * Last hidden states, which the head reads: one per position of `sequence`, then one per candidate appended to it, Float32[hidden]
   * each. Present if `capabilities.hiddenStates` is true.
   */
  hiddenStates?(sequence: Sequence, candidateIds: Int32Array): ObservableInput<readonly Float32Array[]>
  /** Frees the cache of `sequence.key`. A later call starts from nothing. */
  release(sequence: Sequence): void
}

/** A reward as operators see it, one sequence at a time. */
export interface Reward {
  readonly name: string
  /** As in a reward model: `logprob` for an autoregressive one. */
  readonly unit?: 'reward' | 'logprob'
  /** Names of an ensemble's members. */
  readonly members?: readonly string[]
  /** One reward per candidate appended to `sequence`: Float32[candidateIds.length]. */
  score(sequence: Sequence, candidateIds: Int32Array): ObservableInput<Float32Array>
  /** The reward of the whole sequence. */
  value(sequence: Sequence): ObservableInput<number>
  release?(sequence: Sequence): void
}
