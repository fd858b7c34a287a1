import { EMPTY, expand, finalize, from, map, type Observable, of, skip, throwIfEmpty } from 'rxjs'
import { ShapeError } from '../../src/core/errors.js'
import type { LanguageModel } from '../../src/core/model.js'
import type { Sequence } from '../../src/core/sequence.js'
import type { Selected, StepOperator } from '../../src/core/step.js'
import type { Finish } from './finish.js'

/** A decided step whose sequence has its token; the last one says how it finished. */
export type DecodedStep = Selected & Readonly<{ finish?: Finish }>

export type DecodeOptions = Readonly<{
  lm: LanguageModel
  decoder: StepOperator
  finish: (sequence: Sequence) => Finish | undefined
}>

/**
 * One prompt → its steps, the last one with `finish`. What the language model caches is freed on completion, error and
 * unsubscription alike.
 *
 * - errors: as of `stepsAfter`
 */
export const decode = (start: Sequence, options: DecodeOptions): Observable<DecodedStep> =>
  stepsAfter(start, options).pipe(finalize(() => options.lm.release(start)))

/**
 * The steps that follow a sequence until it is finished, which it is not yet. What the language model caches stays.
 *
 * - errors: the models' and operators' own; `ShapeError` when the decoder gives no token
 */
export function stepsAfter(start: Sequence, { lm, decoder, finish }: DecodeOptions): Observable<DecodedStep> {
  const need = decoder.need ?? 'all'
  const append = (step: Selected, index: number): DecodedStep => {
    if (index > 0) throw new ShapeError('Expected the decoder to give one token a step, got two')
    if (!Number.isInteger(step.tokenId) || step.tokenId < 0) throw new ShapeError(`Expected a token id, got ${step.tokenId}`)
    const sequence = { ...step.sequence, tokenIds: [...step.sequence.tokenIds, step.tokenId] }
    const finished = finish(sequence)
    return { ...step, sequence, ...(finished && { finish: finished }) }
  }
  const next = ({ sequence, finish: finished }: Pick<DecodedStep, 'sequence' | 'finish'>): Observable<DecodedStep> =>
    finished
      ? EMPTY
      : from(lm.logits(sequence, need)).pipe(
          map((logits) => ({ sequence, logits })),
          decoder,
          map(append),
          throwIfEmpty(() => new ShapeError('Expected the decoder to give a token, got none')),
        )
  const steps: Observable<Pick<DecodedStep, 'sequence' | 'finish'>> = of({ sequence: start }).pipe(expand(next), skip(1))
  return steps as Observable<DecodedStep>
}

/** The sequence up to the stop: with an end token, without a stop string. */
export const scoredSequence = ({ sequence, finish }: Pick<DecodedStep, 'sequence' | 'finish'>): Sequence =>
  finish!.valuedTokens === sequence.tokenIds.length
    ? sequence
    : { ...sequence, tokenIds: sequence.tokenIds.slice(0, finish!.valuedTokens) }
