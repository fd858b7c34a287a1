/**
 * One question about a sequence, in one form from model to engine. `Key` identifies the sequence's cache: an object in the calling thread, its
 * number in the worker.
 *
 * The head reads the last token of each branch; for an empty branch the last of `tokenIds`. Without branches the tokens only go into the cache.
 */
export type ModelCall<Key = number> = Readonly<{
  key: Key
  tokenIds: Int32Array
  branches: readonly (readonly number[])[]
  /** The call asks for the next token of a growing sequence. */
  decode?: boolean
  /** Returns only this many top tokens (default: all logits). */
  top?: number
  /** The sequence will grow to at least this many tokens. */
  expected?: number
  /** Returns the log-probabilities of these tokens after the only branch. */
  pick?: readonly number[]
  /** Returns the log-probability of each token from this position on. Only without branches. */
  from?: number
  /** Returns hidden states instead of the head's output: of each token from this position on, and at the end of each branch. */
  states?: number
  /** Of an encoder: the text (0 or 1) of each token (default 0). */
  typeIds?: Int32Array
}>

/** `values` of each branch, one after the other: all logits, or one reward. With `tokenIds`: the top logits of one branch and their tokens. */
export type ModelAnswer = Readonly<{ tokenIds?: Int32Array; values: Float32Array }>
