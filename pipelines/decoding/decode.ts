import { EMPTY, expand, finalize, from, map, type Observable, of, skip, throwIfEmpty } from 'rxjs'
import { ShapeError } from '../../src/core/errors.js'
import type { LanguageModel, Need } from '../../src/core/model.js'
import type { Sequence } from '../../src/core/sequence.js'
import type { Decoder, DecoderModels, DecoderSpec, Selected, StepOperator } from '../../src/core/step.js'
import type { Finish } from './finish.js'

/** A decided step whose sequence has its token; the last one says how it finished. */
export type DecodedStep = Selected & Readonly<{ finish?: Finish }>

export type DecodeOptions = Readonly<{
  /** The language model. */
  lm: LanguageModel
  /** One step: logits in, chosen token out. */
  decoder: StepOperator
  /** Tells whether a sequence is finished, and why. */
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

/** A search by its name, with its options by theirs. */
export type NamedSearch = Readonly<{ name: string; options: Readonly<Record<string, unknown>> }>

/** A search that has its models: what it is made of, what it needs of the logits, and how it goes over one prompt. */
export type BoundSearch = Readonly<{
  spec?: DecoderSpec
  need?: Need
  /** The search under its name in the registry, with all its options: what a row changes for itself. */
  named?: NamedSearch
  /** The steps of the sequence that was found, the last one with its `finish`; `start` has no decoded tokens. */
  steps: (start: Sequence, finish: (sequence: Sequence) => Finish | undefined) => Observable<DecodedStep>
}>

/** A whole search over a prompt, such as beam search or best-of-n; a decoder is lifted to one by `perToken`. */
export type Search = Readonly<{ search: (models: DecoderModels) => BoundSearch }>

/** A decoder as a search: one token a step, until the sequence is finished. */
export const perToken = (decoder: Decoder): Search => ({
  search: (models) => {
    const step = decoder(models)
    return { spec: step.spec, need: step.need, steps: (start, finish) => decode(start, { lm: models.lm, decoder: step, finish }) }
  },
})
