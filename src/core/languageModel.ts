import type { ObservableInput } from 'rxjs'
import type { Sequence, TextCodec } from './types.js'

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
