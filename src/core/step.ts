import type { OperatorFunction } from 'rxjs'
import type { DescribedOperator } from './described.js'
import type { LanguageModel, Logits, Need, Reward } from './model.js'
import type { Sequence } from './sequence.js'

/**
 * Models as a decoder receives them. `rewards` and `lms` (further language models) are keyed by name, with the members of ensembles last.
 * `reward` is the first reward.
 */
export type DecoderModels = Readonly<{
  lm: LanguageModel
  lms: ReadonlyMap<string, LanguageModel>
  rewards: ReadonlyMap<string, Reward>
  reward?: Reward
}>

/** The start of a step. */
export type LogitsStep = Readonly<{ sequence: Sequence; logits: Logits }>

/** A step with k candidates, best logit first. `scores` start as `tokenLogits`; operators add to them. */
export type Candidates = Readonly<{ sequence: Sequence; tokenIds: Int32Array; tokenLogits: Float32Array; scores: Float32Array }>

/** Candidates with the rewards of each reward model: `rewards[name]` is Float32[k]. */
export type Rewarded = Candidates & Readonly<{ rewards: Readonly<Record<string, Float32Array>> }>

/**
 * Adds fields to a copy of a step. `{ ...step, field }` gives the same, but in Node 20 V8 makes a new hidden class for each field that it adds
 * after a spread, each time: 20 times as long, garbage in old memory, and slow reads of the step from then on.
 */
export const withFields = <S extends object, F extends object>(step: S, fields: F): S & F => Object.assign({}, step, fields)

/** A step with its choice: candidate `index`, which is token `tokenId`. */
export type Selected = Candidates & Readonly<{ index: number; tokenId: number; rewards?: Readonly<Record<string, Float32Array>> }>

/**
 * One step of one sequence: takes logits, gives a step with its choice. One made by `steps(…)` knows its `spec`, how many logits it
 * `need`s and its `operators`. A bare `pipe` needs all logits.
 */
export type StepOperator = OperatorFunction<LogitsStep, Selected> &
  Readonly<{
    spec?: DecoderSpec | undefined
    need?: Need | undefined
    operators?: readonly DescribedOperator<never, unknown>[] | undefined
  }>

/** Makes a decoding step from the models. */
export type Decoder = (models: DecoderModels) => StepOperator

/** A decoder as data: `{ steps: [{ topK: { k: 10 } }, …] }`. Every output file holds it. */
export type DecoderSpec = Readonly<{ name?: string; steps: readonly Readonly<Record<string, unknown>>[] }>
