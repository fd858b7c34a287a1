import { map } from 'rxjs'
import { ShapeError } from '../../core/errors.js'
import { logSumExp, topIndices } from '../../core/math.js'
import type { Decoder, LogitsStep, Selected } from '../../core/step.js'

type Marked = Readonly<{ modelLogits: Float32Array }>

/** Lets steps keep the logits as the language model gives them, before any operator. Such a decoder needs the whole vocabulary. */
export const withModelLogits =
  (decoder: Decoder): Decoder =>
  (models) => {
    const inner = decoder(models)
    const marked = map((step: LogitsStep): LogitsStep & Marked => ({ ...step, modelLogits: step.logits.values }))
    return Object.assign((source: Parameters<typeof inner>[0]) => source.pipe(marked, inner), {
      ...(inner.spec && { spec: inner.spec }),
      need: 'all' as const,
    })
  }

/** Log-probabilities of the language model at one step, over its whole vocabulary: of the chosen token, and of the likeliest ones. */
export type StepLogprobs = Readonly<{ logprob: number; top: readonly (readonly [tokenId: number, logprob: number])[] }>

/**
 * Reads the log-probabilities of a step.
 *
 * @throws ShapeError if an operator dropped the model's logits
 */
export function stepLogprobs(step: Selected & Partial<Marked>, top: number): StepLogprobs {
  const { modelLogits, tokenId } = step
  if (!modelLogits) throw new ShapeError('Expected the operators to keep all fields of a step, got one without the logits')
  const total = logSumExp(modelLogits)
  const of = (id: number): number => modelLogits[id]! - total
  return { logprob: of(tokenId), top: Array.from(topIndices(modelLogits, top), (id) => [id, of(id)] as const) }
}
