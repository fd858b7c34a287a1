import { EMPTY, expand, finalize, from, map, type Observable, of, skip, throwIfEmpty } from 'rxjs'
import { ShapeError } from '../../src/core/errors.js'
import type { LanguageModel, Need } from '../../src/core/model.js'
import { describeValue } from '../../src/core/parseOptions.js'
import type { Sequence } from '../../src/core/sequence.js'
import {
  type Decoder,
  type DecoderModels,
  type DecoderSpec,
  type Selected,
  type StepOperator,
  withFields,
} from '../../src/core/step.js'
import type { Finish } from './finish.js'

/** A step with its chosen token appended to the sequence; the last step of a reply has `finish`. */
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
 * Decodes one prompt into its steps; the last one has `finish`. The language model's cache is freed on completion, error and
 * unsubscription.
 *
 * - errors: those of `stepsAfter`
 */
export const decode = (start: Sequence, options: DecodeOptions): Observable<DecodedStep> =>
  stepsAfter(start, options).pipe(finalize(() => options.lm.release(start)))

/**
 * Decodes the steps from an unfinished sequence to its end. The language model's cache stays.
 *
 * - errors: the models' and operators' own; `ShapeError` unless the decoder returns one token per step
 */
export function stepsAfter(start: Sequence, { lm, decoder, finish }: DecodeOptions): Observable<DecodedStep> {
  const need = decoder.need ?? 'all'
  const { all, maxTop } = lm.capabilities
  const append = (step: Selected, index: number): DecodedStep => {
    if (index > 0) throw new ShapeError('Expected the decoder to return one token per step, got two')
    // A decoder that `steps` did not make may return anything.
    if (!step?.sequence)
      throw new ShapeError(`Expected the decoder to return a step with its \`sequence\`, got ${describeValue(step)}`)
    if (!Number.isInteger(step.tokenId) || step.tokenId < 0) throw new ShapeError(`Expected a token id, got ${step.tokenId}`)
    // A model would fail on it, together with all sequences of its batch.
    if (all && step.tokenId >= maxTop)
      throw new ShapeError(`Expected a token id below ${maxTop}, the size of the vocabulary, got ${step.tokenId}`)
    if (step.tokenIds?.[step.index] !== step.tokenId)
      throw new ShapeError(
        `Expected \`index\` to be the place of the chosen token ${step.tokenId} among the candidates, got ${step.index}`,
      )
    const sequence = { ...step.sequence, tokenIds: [...step.sequence.tokenIds, step.tokenId] }
    const finished = finish(sequence)
    return finished ? withFields(step, { sequence, finish: finished }) : { ...step, sequence }
  }
  const next = ({ sequence, finish: finished }: Pick<DecodedStep, 'sequence' | 'finish'>): Observable<DecodedStep> =>
    finished
      ? EMPTY
      : from(lm.logits(sequence, need)).pipe(
          map((logits) => ({ sequence, logits })),
          decoder,
          map(append),
          throwIfEmpty(() => new ShapeError('Expected the decoder to return a token, got none')),
        )
  const steps: Observable<Pick<DecodedStep, 'sequence' | 'finish'>> = of({ sequence: start }).pipe(expand(next), skip(1))
  return steps as Observable<DecodedStep>
}

/** Cuts the sequence at its end: an end token stays, a stop string goes. */
export const scoredSequence = ({ sequence, finish }: Pick<DecodedStep, 'sequence' | 'finish'>): Sequence =>
  finish!.valuedTokens === sequence.tokenIds.length
    ? sequence
    : { ...sequence, tokenIds: sequence.tokenIds.slice(0, finish!.valuedTokens) }

/** The name of a search and its options. */
export type NamedSearch = Readonly<{ name: string; options: Readonly<Record<string, unknown>> }>

/** A search with its models: its spec, the logits it needs, and how it decodes one prompt. */
export type BoundSearch = Readonly<{
  spec?: DecoderSpec
  need?: Need
  /** How many sequences it decodes at once (1). */
  sequences?: number
  /** Name in the registry, with all options, so that a row can change some. */
  entry?: NamedSearch
  /** Decodes from `start`, which has no decoded tokens, and returns the steps of the best sequence; the last one has `finish`. */
  steps: (start: Sequence, finish: (sequence: Sequence) => Finish | undefined) => Observable<DecodedStep>
}>

/** A search over whole replies, such as beam search or best-of-n. `perToken` makes one of a decoder. */
export type Search = Readonly<{ search: (models: DecoderModels) => BoundSearch }>

/** Makes a search of a decoder: one token per step, until the sequence is finished. */
export const perToken = (decoder: Decoder): Search => ({
  search: (models) => {
    const step = decoder(models)
    return { spec: step.spec, need: step.need, steps: (start, finish) => decode(start, { lm: models.lm, decoder: step, finish }) }
  },
})
