import type { Observable } from 'rxjs'
import type { Need } from '../../src/core/model.js'
import type { Sequence } from '../../src/core/sequence.js'
import type { Decoder, DecoderModels, DecoderSpec } from '../../src/core/step.js'
import { type DecodedStep, decode } from './decode.js'
import type { Finish } from './finish.js'

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
