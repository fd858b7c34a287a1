import { concatMap, defer, finalize, from, type MonoTypeOperatorFunction, map } from 'rxjs'
import type { DecodedStep } from '../../../pipelines/decoding/decode.js'
import { ShapeError } from '../../core/errors.js'
import { logSumExp, topIndices } from '../../core/math.js'
import type { LanguageModel } from '../../core/model.js'
import type { Sequence } from '../../core/sequence.js'
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

/**
 * Adds the language model's logits to the steps of a search, which reads them in another order than they come. The reply is read once more for
 * it: to keep the logits of all branches would take a vocabulary of numbers a token.
 */
export const addModelLogits =
  (lm: LanguageModel): MonoTypeOperatorFunction<DecodedStep> =>
  (source) =>
    defer(() => {
      const key = {}
      let read: Sequence | undefined
      return source.pipe(
        concatMap((step) => {
          read = { ...step.sequence, key, tokenIds: step.sequence.tokenIds.slice(0, -1) }
          return from(lm.logits(read, 'all')).pipe(map(({ values }): DecodedStep & Marked => ({ ...step, modelLogits: values })))
        }),
        finalize(() => {
          if (read) lm.release(read)
        }),
      )
    })

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
