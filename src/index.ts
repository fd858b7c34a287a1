/** The public interface of rxargs. */

export * from '../operators/index.js'
export { type ArgsOptions, args } from '../pipelines/decoders/args.js'
export { type ArgsPrunedOptions, argsPruned } from '../pipelines/decoders/argsPruned.js'
export { type ArgsStochasticOptions, argsStochastic } from '../pipelines/decoders/argsStochastic.js'
export { type ClassifierFreeGuidanceOptions, classifierFreeGuidance } from '../pipelines/decoders/classifierFreeGuidance.js'
export { type ContrastiveOptions, contrastive } from '../pipelines/decoders/contrastive.js'
export { type ContrastiveDecodingOptions, contrastiveDecoding } from '../pipelines/decoders/contrastiveDecoding.js'
export { type DexpertsOptions, dexperts } from '../pipelines/decoders/dexperts.js'
export { type GenarmOptions, genarm } from '../pipelines/decoders/genarm.js'
export { greedy } from '../pipelines/decoders/greedy.js'
export { type NucleusOptions, nucleus } from '../pipelines/decoders/nucleus.js'
export { type RadOptions, rad } from '../pipelines/decoders/rad.js'
export { type TopKSamplingOptions, topKSampling } from '../pipelines/decoders/topKSampling.js'
export {
  type BoundSearch,
  type DecodedStep,
  type DecodeOptions,
  decode,
  perToken,
  type Search,
} from '../pipelines/decoding/decode.js'
export { type FinishOptions, finish } from '../pipelines/decoding/finish.js'
export { perReward, type Weight, type Weighted, weighted } from '../pipelines/decoding/perReward.js'
export { steps } from '../pipelines/decoding/steps.js'
export { type OperatorTime, type TimedOptions, timed } from '../pipelines/decoding/timed.js'
export {
  type EvaluatedRun,
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  type OtherReward,
  type Outcome,
  type PairFigures,
  type RunFigures,
} from '../pipelines/evaluation/evaluate.js'
export {
  coherenceMeasure,
  type Encoder,
  type Measure,
  perplexityMeasure,
  rewardMeasure,
} from '../pipelines/evaluation/measures.js'
export { type ScoreOptions, score } from '../pipelines/evaluation/score.js'
export { extendedRegistry } from '../pipelines/registry/extendedRegistry.js'
export { builtIn, decoderByName, type RegisteredDecoder, type Registry } from '../pipelines/registry/registry.js'
export { type RegisteredSearch, searchByName, searches } from '../pipelines/registry/searchRegistry.js'
export { decoderFromSpec } from '../pipelines/registry/specs/decoderFromSpec.js'
export { explain } from '../pipelines/registry/specs/explain.js'
export { overridden } from '../pipelines/registry/specs/overridden.js'
export { pipelineFromText } from '../pipelines/registry/specs/pipelineFromText.js'
export { pipelineSchema } from '../pipelines/registry/specs/pipelineSchema.js'
export { type SearchSpec, searchFromSpec } from '../pipelines/registry/specs/searchFromSpec.js'
export { specOf } from '../pipelines/registry/specs/specOf.js'
export { ensemble } from '../pipelines/rewards/ensemble.js'
export { type EnsembleRewardOptions, ensembleReward } from '../pipelines/rewards/ensembleReward.js'
export { type JsonRewardOptions, jsonReward } from '../pipelines/rewards/jsonReward.js'
export { type LengthRewardOptions, lengthReward } from '../pipelines/rewards/lengthReward.js'
export { type RegexRewardOptions, regexReward } from '../pipelines/rewards/regexReward.js'
export { type RepetitionRewardOptions, repetitionReward } from '../pipelines/rewards/repetitionReward.js'
export { rewardByName } from '../pipelines/rewards/rewardByName.js'
export { batchTextReward, type TextRewardOptions, textReward } from '../pipelines/rewards/textReward.js'
export { type WordsRewardOptions, wordsReward } from '../pipelines/rewards/wordsReward.js'
export { type GenerateOptions, generate } from '../pipelines/run/generate.js'
export { type ScheduleOptions, schedule } from '../pipelines/schedule/schedule.js'
export { type BeamOptions, beam } from '../pipelines/searches/beam.js'
export { type BestOfNOptions, bestOfN } from '../pipelines/searches/bestOfN.js'
export { type BlockBestOfNOptions, blockBestOfN } from '../pipelines/searches/blockBestOfN.js'
export { type CardsOptions, cards } from '../pipelines/searches/cards.js'
export { type GuidedBestOfNOptions, guidedBestOfN } from '../pipelines/searches/guidedBestOfN.js'
export { type RolloutOptions, rollout } from '../pipelines/searches/rollout.js'
export type * from './core/batched.js'
export { type DescribedOperator, described, type OperatorEntry } from './core/described.js'
export {
  InputError,
  ModelError,
  ModelLostError,
  OptionError,
  OutOfMemoryError,
  OutputError,
  RemoteError,
  RewardError,
  ShapeError,
  TemplateError,
} from './core/errors.js'
export type * from './core/model.js'
export type * from './core/observe/observer.js'
export type * from './core/prompt.js'
export type { RegisteredOperator } from './core/registryEntry.js'
export type * from './core/rewardSource.js'
export type * from './core/run.js'
export { version } from './core/run.js'
export type * from './core/sequence.js'
export type * from './core/step.js'
export { type FileOptions, fromFile } from './io/fromFile.js'
export { type ReplyOptions, readReplies } from './io/readReplies.js'
export { readRows } from './io/readRows.js'
export { type Summary, type ToParquetOptions, toParquet } from './io/toParquet.js'
export { embeddedModels } from './models/embeddedModels.js'
export { type LoadOptions, loadModels, type RewardOption } from './models/loadModels.js'
export type { RemoteLm } from './models/remote/remoteLanguageModel.js'
export { type RemoteReward, remoteReward } from './models/remote/remoteReward.js'
export type { CacheUsage, SessionRun, Trip } from './models/runtime/watch.js'
