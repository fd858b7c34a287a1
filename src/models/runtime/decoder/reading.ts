import { logSumExp, topIndices } from '../../../core/math.js'
import type { ModelAnswer } from '../call.js'

/** What a call without branches gives. */
export const NOTHING: ModelAnswer = { values: new Float32Array(0) }

/** Takes what is asked out of a run's own output, which the next run writes over. What is not finite stays to be seen. */
export function readingOf(values: Float32Array, top: number | undefined, finite: boolean): ModelAnswer {
  if (top === undefined) return { values: values.slice() }
  const n = Math.min(top, values.length)
  if (!finite) return { tokenIds: new Int32Array(n), values: new Float32Array(n).fill(Number.NaN) }
  const tokenIds = topIndices(values, n)
  return { tokenIds, values: Float32Array.from(tokenIds, (tokenId) => values[tokenId]!) }
}

/** Log-probabilities of tokens, given the logits of the whole vocabulary where they would come next: Float32[tokenIds.length]. */
export function logprobsOf(logits: Float32Array, tokenIds: ArrayLike<number>): Float32Array {
  const all = logSumExp(logits)
  return Float32Array.from(tokenIds, (tokenId) => logits[tokenId]! - all)
}

/** What was read before, and the log-probability of each token that comes next at a read, of which `logits` has V a read. */
export function followed(before: ModelAnswer = NOTHING, logits: Float32Array, next: readonly number[]): ModelAnswer {
  const width = logits.length / Math.max(1, next.length)
  const logprobs = next.map((tokenId, read) => logprobsOf(logits.subarray(read * width, (read + 1) * width), [tokenId])[0]!)
  return { values: Float32Array.of(...before.values, ...logprobs) }
}

/** What was read before, and what is read now. */
export function joined(before: ModelAnswer = NOTHING, more: Float32Array): ModelAnswer {
  const values = new Float32Array(before.values.length + more.length)
  values.set(before.values)
  values.set(more, before.values.length)
  return { values }
}

export function allFinite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (values[i]! - values[i]! !== 0) return false // of what is not finite: NaN
  return true
}
