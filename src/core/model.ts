import type { ObservableInput } from 'rxjs'
import type { Sequence } from './sequence.js'
import type { Message, TemplateVariables } from './text/conversation.js'

export type JsonSchema = Readonly<Record<string, unknown>>

/** What replies have to be: JSON of a schema, or a text of a grammar in EBNF (as llama.cpp's GBNF) whose first rule is `root`. */
export type GrammarSource = Readonly<{ jsonSchema: JsonSchema } | { ebnf: string }>

/**
 * Which tokens may come next: one bit a token id, the lowest bit of `bits[0]` is token 0. It follows from the decoded tokens alone;
 * `ShapeError` where these are none of the grammar.
 */
export type AllowedTokens = (sequence: Sequence) => Promise<Int32Array>

/** Text to token ids and back, for one vocabulary. */
export interface TextCodec {
  /** Token ids of text as it stands; the special tokens that the tokenizer itself adds are added when `special` is true. */
  encode(text: string, special: boolean): number[]
  /** Text of token ids; special tokens are left out when `skipSpecial` is true. An incomplete character at the end is U+FFFD. */
  decode(tokenIds: readonly number[], skipSpecial: boolean): string
  /** Byte tokens, a run of which has its text only once it has ended; absent where there are none. */
  readonly byteTokenIds?: ReadonlySet<number>
  /** Messages in the chat template's words, an open reply at the end; `TemplateError` where there is no template or it refuses. */
  render(messages: readonly Message[], variables?: TemplateVariables): string
  /** Tokens that a grammar allows, end tokens where it may end; absent where the codec cannot tell, `OptionError` for a tokenizer without bytes. */
  grammar?(source: GrammarSource, endTokenIds: readonly number[]): AllowedTokens
  readonly vocabSize: number
  /** What of its files is not applied, in words. */
  readonly notices?: readonly string[]
  /** Equal fingerprints: the same token ids for the same prompt (tokenizer and template alike). */
  readonly fingerprint: string
}

/** How many of the likeliest tokens a decoder needs, or the whole vocabulary. */
export type Need = number | 'all'

/**
 * Logits of the next token. Dense: `values[id]`, Float32[V]. Sparse: `tokenIds` and `values` of the n likeliest, sorted
 * descending, ties to the lower id. A token that may not be chosen has −∞. `logSumExp` is over the whole vocabulary, where the model gives it.
 */
export type Logits = Readonly<{ tokenIds?: Int32Array; values: Float32Array; logSumExp?: number }>

export type Capabilities = Readonly<{ all: boolean; maxTop: number; hiddenStates: boolean; unit: 'logit' | 'logprob' }>

/** A language model as operators see it: one sequence at a time. Pure from outside: a result depends on the tokens only. */
export interface LanguageModel {
  /** `lm`, or the name it was loaded under besides. */
  readonly name: string
  readonly capabilities: Capabilities
  readonly codec: TextCodec
  readonly endTokenIds: readonly number[]
  /** Logits of the token after `sequence`; with other tokens in the place of its prompt, where given. */
  logits(sequence: Sequence, need: Need, promptTokenIds?: readonly number[]): ObservableInput<Logits>
  /**
   * Last hidden states, those that the head reads: one a position of `sequence`, then one a candidate, each candidate appended to it:
   * Float32[hidden] each. There where `capabilities.hiddenStates` says so.
   */
  hiddenStates?(sequence: Sequence, candidateIds: Int32Array): ObservableInput<readonly Float32Array[]>
  /** Frees what is cached for `sequence.key`. A later call starts afresh. */
  release(sequence: Sequence): void
}

/** A reward as operators see it: one sequence at a time. */
export interface Reward {
  readonly name: string
  /** As a reward model's: `logprob` of an autoregressive one. */
  readonly unit?: 'reward' | 'logprob'
  /** Of an ensemble: the names of the rewards that it is made of. */
  readonly members?: readonly string[]
  /** One reward a candidate, each candidate appended to `sequence`: Float32[candidateIds.length]. */
  score(sequence: Sequence, candidateIds: Int32Array): ObservableInput<Float32Array>
  /** The reward of the whole sequence. */
  value(sequence: Sequence): ObservableInput<number>
  release?(sequence: Sequence): void
}
