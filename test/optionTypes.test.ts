import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { parseAst } from 'vitest/node'
import type * as z from 'zod'
import type { BannedWordsOptions, bannedWordsOptions } from '../operators/bannedWords.js'
import type { BatchRewardOptions, batchRewardOptions } from '../operators/batchReward.js'
import type { BatchRewardPrunedOptions, batchRewardPrunedOptions } from '../operators/batchRewardPruned.js'
import type { BoundRewardOptions, boundRewardOptions } from '../operators/boundReward.js'
import type { CombineLogitsOptions, combineLogitsOptions } from '../operators/combineLogits.js'
import type { CombineScoreOptions, combineScoreOptions } from '../operators/combineScore.js'
import type { DegenerationPenaltyOptions, degenerationPenaltyOptions } from '../operators/degenerationPenalty.js'
import type { ForcedWordsOptions, forcedWordsOptions } from '../operators/forcedWords.js'
import type { FrequencyPenaltyOptions, frequencyPenaltyOptions } from '../operators/frequencyPenalty.js'
import type { GrammarOptions, grammarOptions } from '../operators/grammar.js'
import type { LogitBiasOptions, logitBiasOptions } from '../operators/logitBias.js'
import type { LogNormalizerOptions, logNormalizerOptions } from '../operators/logNormalizer.js'
import type { MinPOptions, minPOptions } from '../operators/minP.js'
import type { NoRepeatNgramOptions, noRepeatNgramOptions } from '../operators/noRepeatNgram.js'
import type { PresencePenaltyOptions, presencePenaltyOptions } from '../operators/presencePenalty.js'
import type { PruneCandidatesOptions, pruneCandidatesOptions } from '../operators/pruneCandidates.js'
import type { RepetitionPenaltyOptions, repetitionPenaltyOptions } from '../operators/repetitionPenalty.js'
import type { SampleTemperatureOptions, sampleTemperatureOptions } from '../operators/sampleTemperature.js'
import type { SelectGreedyOptions, selectGreedyOptions } from '../operators/selectGreedy.js'
import type { TemperatureOptions, temperatureOptions } from '../operators/temperature.js'
import type { TopKOptions, topKOptions } from '../operators/topK.js'
import type { TopPOptions, topPOptions } from '../operators/topP.js'
import type { TypicalOptions, typicalOptions } from '../operators/typical.js'
import type { ArgsOptions, argsOptions } from '../pipelines/decoders/args.js'
import type { ArgsPrunedOptions, argsPrunedOptions } from '../pipelines/decoders/argsPruned.js'
import type { ArgsStochasticOptions, argsStochasticOptions } from '../pipelines/decoders/argsStochastic.js'
import type {
  ClassifierFreeGuidanceOptions,
  classifierFreeGuidanceOptions,
} from '../pipelines/decoders/classifierFreeGuidance.js'
import type { ContrastiveOptions, contrastiveOptions } from '../pipelines/decoders/contrastive.js'
import type { ContrastiveDecodingOptions, contrastiveDecodingOptions } from '../pipelines/decoders/contrastiveDecoding.js'
import type { DexpertsOptions, dexpertsOptions } from '../pipelines/decoders/dexperts.js'
import type { GenarmOptions, genarmOptions } from '../pipelines/decoders/genarm.js'
import type { NucleusOptions, nucleusOptions } from '../pipelines/decoders/nucleus.js'
import type { RadOptions, radOptions } from '../pipelines/decoders/rad.js'
import type { TopKSamplingOptions, topKSamplingOptions } from '../pipelines/decoders/topKSampling.js'
import type { ScoreOptions, scoreOptions } from '../pipelines/evaluation/score.js'
import type { EnsembleRewardOptions, ensembleRewardOptions } from '../pipelines/rewards/ensembleReward.js'
import type { JsonRewardOptions, jsonRewardOptions } from '../pipelines/rewards/jsonReward.js'
import type { LengthRewardOptions, lengthRewardOptions } from '../pipelines/rewards/lengthReward.js'
import type { RegexRewardOptions, regexRewardOptions } from '../pipelines/rewards/regexReward.js'
import type { RepetitionRewardOptions, repetitionRewardOptions } from '../pipelines/rewards/repetitionReward.js'
import type { TextRewardOptions, textRewardOptions } from '../pipelines/rewards/textReward.js'
import type { WordsRewardOptions, wordsRewardOptions } from '../pipelines/rewards/wordsReward.js'
import type { GenerateOptions, generateOptions } from '../pipelines/run/generate.js'
import type { BeamOptions, beamOptions } from '../pipelines/searches/beam.js'
import type { BestOfNOptions, bestOfNOptions } from '../pipelines/searches/bestOfN.js'
import type { BlockBestOfNOptions, blockBestOfNOptions } from '../pipelines/searches/blockBestOfN.js'
import type { CardsOptions, cardsOptions } from '../pipelines/searches/cards.js'
import type { GuidedBestOfNOptions, guidedBestOfNOptions } from '../pipelines/searches/guidedBestOfN.js'
import type { RolloutOptions, rolloutOptions } from '../pipelines/searches/rollout.js'
import type { RemoteLm, remoteLmOptions } from '../src/models/remote/remoteLanguageModel.js'
import type { RemoteReward, remoteRewardOptions } from '../src/models/remote/remoteReward.js'

/** A type without `readonly` at any depth, because schemas have none. */
type Plain<T> = T extends (...given: never[]) => unknown
  ? T
  : T extends object
    ? { -readonly [Key in keyof T]: Plain<T[Key]> }
    : T
/** Input of a schema. Models may be absent; the schema names a missing one. */
type Takes<T extends z.ZodType> = Plain<z.input<T>>

// The compiler checks these: `npm run types`.
it('options have the types of their schemas', () => {
  expectTypeOf<Plain<BannedWordsOptions>>().toEqualTypeOf<Takes<typeof bannedWordsOptions>>()
  expectTypeOf<Plain<Omit<BatchRewardOptions, 'reward'>>>().toEqualTypeOf<Omit<Takes<typeof batchRewardOptions>, 'reward'>>()
  expectTypeOf<Plain<Omit<BatchRewardPrunedOptions, 'reward'>>>().toEqualTypeOf<
    Omit<Takes<typeof batchRewardPrunedOptions>, 'reward'>
  >()
  expectTypeOf<Plain<BoundRewardOptions>>().toEqualTypeOf<Takes<typeof boundRewardOptions>>()
  expectTypeOf<Plain<Omit<CombineLogitsOptions, 'lm'>>>().toEqualTypeOf<Omit<Takes<typeof combineLogitsOptions>, 'lm'>>()
  expectTypeOf<Plain<CombineScoreOptions>>().toEqualTypeOf<Takes<typeof combineScoreOptions>>()
  expectTypeOf<Plain<Omit<DegenerationPenaltyOptions, 'lm'>>>().toEqualTypeOf<
    Omit<Takes<typeof degenerationPenaltyOptions>, 'lm'>
  >()
  expectTypeOf<Plain<ForcedWordsOptions>>().toEqualTypeOf<Takes<typeof forcedWordsOptions>>()
  expectTypeOf<Plain<FrequencyPenaltyOptions>>().toEqualTypeOf<Takes<typeof frequencyPenaltyOptions>>()
  expectTypeOf<Plain<GrammarOptions>>().toEqualTypeOf<Takes<typeof grammarOptions>>()
  expectTypeOf<Plain<LogNormalizerOptions>>().toEqualTypeOf<Takes<typeof logNormalizerOptions>>()
  expectTypeOf<Plain<LogitBiasOptions>>().toEqualTypeOf<Takes<typeof logitBiasOptions>>()
  expectTypeOf<Plain<MinPOptions>>().toEqualTypeOf<Takes<typeof minPOptions>>()
  expectTypeOf<Plain<NoRepeatNgramOptions>>().toEqualTypeOf<Takes<typeof noRepeatNgramOptions>>()
  expectTypeOf<Plain<PresencePenaltyOptions>>().toEqualTypeOf<Takes<typeof presencePenaltyOptions>>()
  expectTypeOf<Plain<PruneCandidatesOptions>>().toEqualTypeOf<Takes<typeof pruneCandidatesOptions>>()
  expectTypeOf<Plain<RepetitionPenaltyOptions>>().toEqualTypeOf<Takes<typeof repetitionPenaltyOptions>>()
  expectTypeOf<Plain<SampleTemperatureOptions>>().toEqualTypeOf<Takes<typeof sampleTemperatureOptions>>()
  expectTypeOf<Plain<SelectGreedyOptions>>().toEqualTypeOf<Takes<typeof selectGreedyOptions>>()
  expectTypeOf<Plain<TemperatureOptions>>().toEqualTypeOf<Takes<typeof temperatureOptions>>()
  expectTypeOf<Plain<TopKOptions>>().toEqualTypeOf<Takes<typeof topKOptions>>()
  expectTypeOf<Plain<TopPOptions>>().toEqualTypeOf<Takes<typeof topPOptions>>()
  expectTypeOf<Plain<TypicalOptions>>().toEqualTypeOf<Takes<typeof typicalOptions>>()
  expectTypeOf<Plain<ArgsOptions>>().toEqualTypeOf<Takes<typeof argsOptions>>()
  expectTypeOf<Plain<ArgsPrunedOptions>>().toEqualTypeOf<Takes<typeof argsPrunedOptions>>()
  expectTypeOf<Plain<ArgsStochasticOptions>>().toEqualTypeOf<Takes<typeof argsStochasticOptions>>()
  expectTypeOf<Plain<ClassifierFreeGuidanceOptions>>().toEqualTypeOf<Takes<typeof classifierFreeGuidanceOptions>>()
  expectTypeOf<Plain<ContrastiveOptions>>().toEqualTypeOf<Takes<typeof contrastiveOptions>>()
  expectTypeOf<Plain<ContrastiveDecodingOptions>>().toEqualTypeOf<Takes<typeof contrastiveDecodingOptions>>()
  expectTypeOf<Plain<DexpertsOptions>>().toEqualTypeOf<Takes<typeof dexpertsOptions>>()
  expectTypeOf<Plain<GenarmOptions>>().toEqualTypeOf<Takes<typeof genarmOptions>>()
  expectTypeOf<Plain<NucleusOptions>>().toEqualTypeOf<Takes<typeof nucleusOptions>>()
  expectTypeOf<Plain<RadOptions>>().toEqualTypeOf<Takes<typeof radOptions>>()
  expectTypeOf<Plain<TopKSamplingOptions>>().toEqualTypeOf<Takes<typeof topKSamplingOptions>>()
  expectTypeOf<Plain<BeamOptions>>().toEqualTypeOf<Takes<typeof beamOptions>>()
  expectTypeOf<Plain<BestOfNOptions>>().toEqualTypeOf<Takes<typeof bestOfNOptions>>()
  expectTypeOf<Plain<GuidedBestOfNOptions>>().toEqualTypeOf<Takes<typeof guidedBestOfNOptions>>()
  expectTypeOf<Plain<BlockBestOfNOptions>>().toEqualTypeOf<Takes<typeof blockBestOfNOptions>>()
  expectTypeOf<Plain<CardsOptions>>().toEqualTypeOf<Takes<typeof cardsOptions>>()
  expectTypeOf<Plain<RolloutOptions>>().toEqualTypeOf<Takes<typeof rolloutOptions>>()
  expectTypeOf<Plain<EnsembleRewardOptions>>().toEqualTypeOf<Takes<typeof ensembleRewardOptions>>()
  expectTypeOf<Plain<JsonRewardOptions>>().toEqualTypeOf<Takes<typeof jsonRewardOptions>>()
  expectTypeOf<Plain<LengthRewardOptions>>().toEqualTypeOf<Takes<typeof lengthRewardOptions>>()
  expectTypeOf<Plain<RegexRewardOptions>>().toEqualTypeOf<Takes<typeof regexRewardOptions>>()
  expectTypeOf<Plain<RepetitionRewardOptions>>().toEqualTypeOf<Takes<typeof repetitionRewardOptions>>()
  expectTypeOf<Plain<TextRewardOptions>>().toEqualTypeOf<Takes<typeof textRewardOptions>>()
  expectTypeOf<Plain<WordsRewardOptions>>().toEqualTypeOf<Takes<typeof wordsRewardOptions>>()
  expectTypeOf<Plain<GenerateOptions>>().toEqualTypeOf<Takes<typeof generateOptions>>()
  expectTypeOf<Plain<ScoreOptions>>().toEqualTypeOf<Takes<typeof scoreOptions>>()
  expectTypeOf<Plain<RemoteReward>>().toEqualTypeOf<Takes<typeof remoteRewardOptions>>()
  expectTypeOf<Plain<RemoteLm>>().toEqualTypeOf<Takes<typeof remoteLmOptions>>()
})

type Node = Readonly<{ type: string; start: number; end: number } & Record<string, unknown>>

const dist = new URL('../dist/', import.meta.url)
const published = readdirSync(dist, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.d.ts'))
  .map((name) => readFileSync(new URL(name.replaceAll('\\', '/'), dist), 'utf8'))

/** The exported types of options, with the text of their files. */
const optionTypes = published.flatMap((text) =>
  [...text.matchAll(/^export type (\w+Options|RemoteReward|RemoteLm)\b/gm)].map(([, name]) => ({ name: name!, text })),
)
const publicNames = new Set(
  [readFileSync(new URL('src/index.d.ts', dist), 'utf8'), readFileSync(new URL('operators/index.d.ts', dist), 'utf8')]
    .join('\n')
    .match(/\b(?:\w+Options|RemoteReward|RemoteLm)\b/g),
)
const operatorTypes = new Set(
  readdirSync(new URL('operators/', dist)).map((file) => `${file[0]!.toUpperCase()}${file.slice(1).replace(/\..*/, '')}Options`),
)
const isPublic = ({ name }: { name: string }): boolean => publicNames.has(name) || operatorTypes.has(name)

/** The options of a type in a declaration file. */
function optionsOf(name: string, text: string): Node[] {
  const program = parseAst(text, { lang: 'dts' }, `${name}.d.ts`) as unknown as { body: readonly Node[] }
  const declarations = program.body.flatMap(({ declaration }) => (declaration as Node | null) ?? [])
  const found: Node[] = []
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    const node = value as Node
    if (node.type === 'TSPropertySignature') found.push(node)
    else for (const inner of Object.values(node)) visit(inner)
  }
  visit(declarations.find(({ id }) => (id as { name?: string } | null)?.name === name)?.typeAnnotation)
  return found
}
const nameOf = ({ key }: Node): string => (key as { name?: string }).name ?? '?'

/** Options without a docstring. */
const undocumented = (name: string, text: string): string[] =>
  optionsOf(name, text)
    .filter(({ start }) => !/\*\/\s*$/.test(text.slice(0, start)))
    .map(nameOf)

/** Options that may be absent but not undefined. A project with `exactOptionalPropertyTypes` could not pass on an option of its own. */
const notUndefined = (name: string, text: string): string[] =>
  optionsOf(name, text)
    .filter(({ optional, start, end }) => optional && !/\| undefined;?$/.test(text.slice(start, end)))
    .map(nameOf)

describe('the published types', () => {
  const tested = optionTypes.filter(isPublic)

  it('contain all option types', () => {
    expect(tested.length).toBeGreaterThan(50)
    for (const name of ['GenerateOptions', 'ScoreOptions', 'EvaluateOptions', 'LoadOptions', 'ToParquetOptions', 'ArgsOptions'])
      expect(tested.map((one) => one.name)).toContain(name)
  })

  it.each(tested)('document every option of $name', ({ name, text }) => expect(undocumented(name, text)).toEqual([]))

  it.each(tested)('let every optional option of $name be undefined', ({ name, text }) =>
    expect(notUndefined(name, text)).toEqual([]),
  )

  it.each(tested)('write $name out', ({ name, text }) =>
    expect(text.match(new RegExp(`export type ${name}\\b[^;]*`))![0]).not.toMatch(/z\.(input|output|infer)/),
  )
})
