/**
 * One question about a sequence: the same from the model that asks, over the thread, to the engine that answers. `Key` is what caches
 * hang on: an object on the side that asks, its number in the thread.
 *
 * Each branch is read at its last token, an empty branch at the last of `tokenIds`. Without branches the tokens are only read into the
 * cache.
 */
export type ModelCall<Key = number> = Readonly<{
  key: Key
  tokenIds: Int32Array
  branches: readonly (readonly number[])[]
  /** The call asks for the next token of a growing sequence. */
  decode?: boolean
  /** Wants only so many of the likeliest tokens; all logits unless given. */
  top?: number
  /** Tokens that the sequence will have at least. */
  expected?: number
  /** Wants the log-probabilities of these tokens after the one branch. */
  pick?: readonly number[]
  /** Wants, without branches, the log-probability of the token at this position and of each one after it. */
  from?: number
  /** Wants hidden states in place of the head: of each token from this position on, and at the end of each branch. */
  states?: number
  /** Of an encoder: which of two texts each token belongs to; 0 unless given. */
  typeIds?: Int32Array
}>

/** Numbers of each branch, one after the other: the vocabulary's logits, or one reward; or the likeliest logits of one branch and their tokens. */
export type ModelAnswer = Readonly<{ tokenIds?: Int32Array; values: Float32Array }>
