import { ShapeError } from './errors.js'
import type { Logits } from './model.js'
import type { LogitsStep } from './step.js'

/** @throws ShapeError unless every token of the vocabulary has a logit */
export function denseLogits({ tokenIds, values }: Logits): Float32Array {
  if (tokenIds) throw new ShapeError(`Expected the logits of the whole vocabulary, got the top ${tokenIds.length}`)
  return values
}

/** Replaces the logits of the whole vocabulary. `change` gets a copy and may write into it. */
export function withDenseLogits<S extends LogitsStep>(step: S, change: (values: Float32Array) => void): S {
  const values = denseLogits(step.logits).slice()
  change(values)
  return { ...step, logits: { values } }
}

/** Logit of a forbidden token: `topK` and `topP` leave it out. */
export const BANNED = Number.NEGATIVE_INFINITY
