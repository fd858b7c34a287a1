import { logSumExp, topIndices } from '../../../core/math.js'
import type { ModelAnswer } from '../call.js'

/** The answer to a call without branches. */
export const NOTHING: ModelAnswer = { values: new Float32Array(0) }

/** The answer to a call: all values, or the `top` largest. If a logit is not finite, all of these are NaN. */
export function readingOf(values: Float32Array, top: number | undefined, finite: boolean): ModelAnswer {
  if (top === undefined) return { values }
  const n = Math.min(top, values.length)
  if (!finite) return { tokenIds: new Int32Array(n), values: new Float32Array(n).fill(Number.NaN) }
  const tokenIds = topIndices(values, n)
  return { tokenIds, values: Float32Array.from(tokenIds, (tokenId) => values[tokenId]!) }
}

/** Log-probabilities of tokens from the logits of the whole vocabulary: Float32[tokenIds.length]. */
export function logprobsOf(logits: Float32Array, tokenIds: ArrayLike<number>): Float32Array {
  const all = logSumExp(logits)
  return new Float32Array(tokenIds.length).map((_, at) => logits[tokenIds[at]!]! - all)
}

/** Appends the log-probability of the next token at each read. `logits` has V numbers per read. */
export function appendLogprobs(before: ModelAnswer = NOTHING, logits: Float32Array, next: readonly number[]): ModelAnswer {
  const width = logits.length / Math.max(1, next.length)
  const logprobs = next.map((tokenId, read) => logprobsOf(logits.subarray(read * width, (read + 1) * width), [tokenId])[0]!)
  return { values: Float32Array.of(...before.values, ...logprobs) }
}

/** Appends values to an answer. */
export function appendValues(before: ModelAnswer = NOTHING, more: Float32Array): ModelAnswer {
  const values = new Float32Array(before.values.length + more.length)
  values.set(before.values)
  values.set(more, before.values.length)
  return { values }
}

export function allFinite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (values[i]! - values[i]! !== 0) return false // Infinity - Infinity is NaN.
  return true
}
