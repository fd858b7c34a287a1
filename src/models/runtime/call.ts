/**
 * A call over the thread boundary. `need` of a language model: the n likeliest tokens, or 0 for all. `expected` as in EngineCall. `typeIds`
 * of an encoder: which text each token belongs to, 0 unless given. `states` of a language model: hidden states, as in EngineCall.
 */
export type WorkerCall = Readonly<{
  key: number
  tokenIds: Int32Array
  typeIds?: Int32Array
  branches?: readonly (readonly number[])[]
  need?: number
  expected?: number
  states?: number
}>

export type WorkerResult = Readonly<{ tokenIds?: Int32Array; values: Float32Array }>

/**
 * A call: a sequence's tokens, and the branches to read, each at its last token; an empty branch is read at the sequence's own last
 * token. No branch: the tokens are read into the cache. `decode` says that the call asks for the next token of a growing sequence,
 * `top` that only the likeliest of one branch are wanted, `expected` how many tokens the sequence is known to get at least. Of a vocabulary
 * head also log-probabilities: with `pick` of these tokens after one branch, with `from` (and no branch) of the token there and of each
 * one after it, the sequence being at least one token longer than `from` is. With `states` hidden states in place of the head: of each
 * token from there on, and of the last one of each branch.
 */
export type EngineCall = Readonly<{
  key: number
  tokenIds: Int32Array
  branches: readonly (readonly number[])[]
  decode: boolean
  top?: number
  expected?: number
  pick?: readonly number[]
  from?: number
  states?: number
}>
