import type { OperatorFunction } from 'rxjs'
import type { DescribedOperator } from './described.js'
import type { LanguageModel, Logits, Need, Reward } from './model.js'
import type { Sequence } from './sequence.js'

/**
 * Models as a decoder receives them. `rewards` and `lms`, further language models, are keyed by name, members of ensembles come last;
 * `reward` is the first one.
 */
export type DecoderModels = Readonly<{
  lm: LanguageModel
  lms: ReadonlyMap<string, LanguageModel>
  rewards: ReadonlyMap<string, Reward>
  reward?: Reward
}>

/** A step before anything was decided. */
export type LogitsStep = Readonly<{ sequence: Sequence; logits: Logits }>

/** A step with k candidates, best logit first. `scores` start as `tokenLogits`; operators add to them. */
export type Candidates = Readonly<{ sequence: Sequence; tokenIds: Int32Array; tokenLogits: Float32Array; scores: Float32Array }>

/** Candidates with the rewards of each reward model: `rewards[name]` is Float32[k]. */
export type Rewarded = Candidates & Readonly<{ rewards: Readonly<Record<string, Float32Array>> }>

/** A decided step: candidate `index`, which is token `tokenId`. */
export type Selected = Candidates & Readonly<{ index: number; tokenId: number; rewards?: Readonly<Record<string, Float32Array>> }>

/**
 * One step of one sequence: logits in, a decided step out. `steps(…)` gives one that knows its `spec`, what it `need`s of the
 * logits and the `operators` it is made of; a bare `pipe` needs all.
 */
export type StepOperator = OperatorFunction<LogitsStep, Selected> &
  Readonly<{ spec?: DecoderSpec; need?: Need; operators?: readonly DescribedOperator<never, unknown>[] }>

/** One step of decoding, given the models. */
export type Decoder = (models: DecoderModels) => StepOperator

/** The decoder as data: `{ steps: [{ topK: { k: 10 } }, …] }`. Written into every output file. */
export type DecoderSpec = Readonly<{ name?: string; steps: readonly Readonly<Record<string, unknown>>[] }>
