import { ShapeError } from './errors.js'
import type { Logits } from './model.js'
import type { LogitsStep } from './step.js'

/** @throws ShapeError unless there is a logit for each token of the vocabulary */
export function denseLogits({ tokenIds, values }: Logits): Float32Array {
  if (tokenIds) throw new ShapeError(`Expected the logits of the whole vocabulary, got the top ${tokenIds.length}`)
  return values
}

/** The step with other logits of the whole vocabulary: `change` may write into the copy that it is given. */
export function withDenseLogits<S extends LogitsStep>(step: S, change: (values: Float32Array) => void): S {
  const values = denseLogits(step.logits).slice()
  change(values)
  return { ...step, logits: { values } }
}

/** Of a token that is not to be chosen: `topK` and `topP` leave it out. */
export const BANNED = Number.NEGATIVE_INFINITY
