import type * as z from 'zod'
import { bannedWords, bannedWordsOptions } from '../../operators/bannedWords.js'
import { batchReward } from '../../operators/batchReward.js'
import { batchRewardPruned, batchRewardPrunedOptions } from '../../operators/batchRewardPruned.js'
import { boundReward, boundRewardOptions } from '../../operators/boundReward.js'
import { combineLogits, combineLogitsOptions } from '../../operators/combineLogits.js'
import { combineScore, combineScoreOptions } from '../../operators/combineScore.js'
import { degenerationPenalty, degenerationPenaltyOptions } from '../../operators/degenerationPenalty.js'
import { forcedWords, forcedWordsOptions } from '../../operators/forcedWords.js'
import { frequencyPenalty, frequencyPenaltyOptions } from '../../operators/frequencyPenalty.js'
import { grammar, grammarOptions } from '../../operators/grammar.js'
import { logitBias, logitBiasOptions } from '../../operators/logitBias.js'
import { logNormalizer, logNormalizerOptions } from '../../operators/logNormalizer.js'
import { minP, minPOptions } from '../../operators/minP.js'
import { noRepeatNgram, noRepeatNgramOptions } from '../../operators/noRepeatNgram.js'
import { presencePenalty, presencePenaltyOptions } from '../../operators/presencePenalty.js'
import { pruneCandidates, pruneCandidatesOptions } from '../../operators/pruneCandidates.js'
import { repetitionPenalty, repetitionPenaltyOptions } from '../../operators/repetitionPenalty.js'
import { sampleTemperature, sampleTemperatureOptions } from '../../operators/sampleTemperature.js'
import { selectGreedy, selectGreedyOptions } from '../../operators/selectGreedy.js'
import { temperature, temperatureOptions } from '../../operators/temperature.js'
import { topK, topKOptions } from '../../operators/topK.js'
import { topP, topPOptions } from '../../operators/topP.js'
import { typical, typicalOptions } from '../../operators/typical.js'
import type { DescribedOperator } from '../../src/core/described.js'
import type { DecoderModels } from '../../src/core/step.js'
import { lmName, lmNamed, rewardName, rewardNamed } from '../decoding/named.js'

/**
 * An operator as data. Fields of a step are named as in code; a need may be met by one of several fields (`logits|scores`).
 *
 * - `options`: the schema of its options as data; a model is named there
 * - `adds`: fields with their shapes, in which an option's name stands for its value: `Int32[k]`
 * - `changes`: fields that it gives other values or another length
 * - `models`: options that name a model, and what kind
 * - `from`: the module of an operator that did not come with this package
 */
export type RegisteredOperator = Readonly<{
  about: string
  options: z.ZodObject
  needs: readonly string[]
  adds: Readonly<Record<string, string>>
  drops: readonly string[]
  changes: readonly string[]
  models: Readonly<Record<string, ModelKind>>
  from?: string
  make: (options: Readonly<Record<string, unknown>>, models: DecoderModels) => DescribedOperator<never, unknown>
}>
/** What an option takes of the models: a reward or language model by its name, or what the language model brings along. */
export const modelKinds = ['reward', 'lm', 'codec', 'endTokenIds'] as const
export type ModelKind = (typeof modelKinds)[number]

type Flow = Pick<RegisteredOperator, 'needs'> & Partial<Pick<RegisteredOperator, 'adds' | 'drops' | 'changes' | 'models'>>

const entry = <T extends z.ZodObject>(
  about: string,
  options: T,
  flow: Flow,
  make: (options: z.input<T>, models: DecoderModels) => DescribedOperator<never, unknown>,
): RegisteredOperator => ({
  ...{ about, options, adds: {}, drops: [], changes: [], models: {} },
  ...flow,
  // The operator checks its options itself; the spec then says what was given, without the defaults.
  make: (given, models) => make(given as z.input<T>, models),
})

const candidates = (n: string): Flow => ({
  needs: ['logits'],
  adds: { tokenIds: `Int32[${n}]`, tokenLogits: `Float32[${n}]`, scores: `Float32[${n}]` },
  drops: ['logits'],
})
const choice: Flow = { needs: ['scores'], adds: { index: 'number', tokenId: 'number' } }
const rewards: Flow = { needs: ['scores'], adds: { rewards: 'Float32 by name, one a candidate' }, models: { reward: 'reward' } }
const processor: Flow = { needs: ['logits'], changes: ['logits'] }
const cut = ['tokenIds', 'tokenLogits', 'scores']

/** The operators under the names of their files. */
export const operators: Readonly<Record<string, RegisteredOperator>> = {
  repetitionPenalty: entry(
    'makes tokens of prompt and reply less likely',
    repetitionPenaltyOptions,
    processor,
    repetitionPenalty,
  ),
  presencePenalty: entry('takes the penalty off tokens of the reply', presencePenaltyOptions, processor, presencePenalty),
  frequencyPenalty: entry(
    'takes the penalty off tokens as often as they stand in the reply',
    frequencyPenaltyOptions,
    processor,
    frequencyPenalty,
  ),
  logitBias: entry('adds numbers to the logits of tokens', logitBiasOptions, processor, logitBias),
  noRepeatNgram: entry('bans tokens that would repeat an n-gram', noRepeatNgramOptions, processor, noRepeatNgram),
  bannedWords: entry(
    'bans the token that would complete a word',
    bannedWordsOptions.omit({ codec: true }),
    { ...processor, models: { codec: 'codec' } },
    ({ words }, { lm }) => bannedWords({ words, codec: lm.codec }),
  ),
  forcedWords: entry(
    'brings words into the first tokens of the reply',
    forcedWordsOptions.omit({ codec: true, endTokenIds: true }),
    { ...processor, models: { codec: 'codec', endTokenIds: 'endTokenIds' } },
    ({ words, within }, { lm }) => forcedWords({ words, within, codec: lm.codec, endTokenIds: lm.endTokenIds }),
  ),
  grammar: entry(
    'bans tokens that JSON of a schema, or a grammar, does not go on with',
    grammarOptions.omit({ codec: true, endTokenIds: true }),
    { ...processor, models: { codec: 'codec', endTokenIds: 'endTokenIds' } },
    (options, { lm }) => grammar({ ...options, codec: lm.codec, endTokenIds: lm.endTokenIds }),
  ),
  minP: entry('bans tokens that are less likely than p times the likeliest', minPOptions, processor, minP),
  typical: entry('keeps the most typical tokens that hold the mass p, bans the others', typicalOptions, processor, typical),
  combineLogits: entry(
    'combines the logits, or the scores of candidates, with the logits of a language model',
    combineLogitsOptions.extend(lmName.shape),
    { needs: ['logits|scores'], changes: ['logits', 'scores'], models: { lm: 'lm' } },
    ({ lm, ...options }, models) => combineLogits({ lm: lmNamed(lm, models), ...options }),
  ),
  logNormalizer: entry(
    'keeps the logarithm of the sum of exp(logits): what candidates need to have probabilities',
    logNormalizerOptions,
    { needs: ['logits'], adds: { logNormalizer: 'number' } },
    (options) => logNormalizer(options),
  ),
  topK: entry('keeps the k likeliest tokens as candidates', topKOptions, candidates('k'), (options) => topK(options)),
  topP: entry('keeps the fewest likeliest tokens that hold the mass p', topPOptions, candidates('n'), (options) => topP(options)),
  temperature: entry(
    'divides the logits, or the scores of candidates',
    temperatureOptions,
    { needs: ['logits|scores'], changes: ['logits', 'scores'] },
    (options) => temperature(options),
  ),
  pruneCandidates: entry(
    'drops candidates whose logit is more than the margin below the best',
    pruneCandidatesOptions,
    { needs: ['scores'], changes: cut },
    (options) => pruneCandidates(options),
  ),
  degenerationPenalty: entry(
    'scores candidates by probability, less their likeness to a token of the context by hidden states',
    degenerationPenaltyOptions.extend(lmName.shape),
    { needs: ['scores', 'logNormalizer'], changes: ['scores'], models: { lm: 'lm' } },
    ({ lm, ...options }, models) => degenerationPenalty({ lm: lmNamed(lm, models), ...options }),
  ),
  batchReward: entry('scores each candidate in context', rewardName, rewards, ({ reward }, models) =>
    batchReward({ reward: rewardNamed(reward, models) }),
  ),
  batchRewardPruned: entry(
    'scores the candidates that could still win, and drops the others',
    batchRewardPrunedOptions.extend(rewardName.shape),
    { ...rewards, changes: cut },
    ({ reward, ...options }, models) => batchRewardPruned({ reward: rewardNamed(reward, models), ...options }),
  ),
  boundReward: entry('brings rewards into [0, 1]', boundRewardOptions, { needs: ['rewards'], changes: ['rewards'] }, (options) =>
    boundReward(options),
  ),
  combineScore: entry(
    'adds the weighted reward to the scores',
    combineScoreOptions,
    { needs: ['rewards'], changes: ['scores'] },
    (options) => combineScore(options),
  ),
  selectGreedy: entry('selects the highest score', selectGreedyOptions, choice, (options) => selectGreedy(options)),
  sampleTemperature: entry('samples from the softmax of scores / temperature', sampleTemperatureOptions, choice, (options) =>
    sampleTemperature(options),
  ),
}
