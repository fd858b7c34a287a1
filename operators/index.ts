// Written by `npm run build` from the files of this folder; see src/lists.mjs.
import { bannedWordsEntry } from './bannedWords.js'
import { batchRewardEntry } from './batchReward.js'
import { batchRewardPrunedEntry } from './batchRewardPruned.js'
import { boundRewardEntry } from './boundReward.js'
import { combineLogitsEntry } from './combineLogits.js'
import { combineScoreEntry } from './combineScore.js'
import { degenerationPenaltyEntry } from './degenerationPenalty.js'
import { forcedWordsEntry } from './forcedWords.js'
import { frequencyPenaltyEntry } from './frequencyPenalty.js'
import { grammarEntry } from './grammar.js'
import { logNormalizerEntry } from './logNormalizer.js'
import { logitBiasEntry } from './logitBias.js'
import { minPEntry } from './minP.js'
import { noRepeatNgramEntry } from './noRepeatNgram.js'
import { presencePenaltyEntry } from './presencePenalty.js'
import { pruneCandidatesEntry } from './pruneCandidates.js'
import { repetitionPenaltyEntry } from './repetitionPenalty.js'
import { sampleTemperatureEntry } from './sampleTemperature.js'
import { selectGreedyEntry } from './selectGreedy.js'
import { temperatureEntry } from './temperature.js'
import { topKEntry } from './topK.js'
import { topPEntry } from './topP.js'
import { typicalEntry } from './typical.js'
import type { RegisteredOperator } from '../src/core/registryEntry.js'

export { bannedWords } from './bannedWords.js'
export { batchCalls } from './batchCalls.js'
export { batchReward } from './batchReward.js'
export { batchRewardPruned } from './batchRewardPruned.js'
export { boundReward } from './boundReward.js'
export { combineLogits } from './combineLogits.js'
export { combineScore } from './combineScore.js'
export { degenerationPenalty } from './degenerationPenalty.js'
export { forcedWords } from './forcedWords.js'
export { frequencyPenalty } from './frequencyPenalty.js'
export { grammar } from './grammar.js'
export { logNormalizer } from './logNormalizer.js'
export { logitBias } from './logitBias.js'
export { minP } from './minP.js'
export { noRepeatNgram } from './noRepeatNgram.js'
export { presencePenalty } from './presencePenalty.js'
export { pruneCandidates } from './pruneCandidates.js'
export { repetitionPenalty } from './repetitionPenalty.js'
export { sampleTemperature } from './sampleTemperature.js'
export { selectGreedy } from './selectGreedy.js'
export { temperature } from './temperature.js'
export { topK } from './topK.js'
export { topP } from './topP.js'
export { trace } from './trace.js'
export { typical } from './typical.js'
export type * from './bannedWords.js'
export type * from './batchCalls.js'
export type * from './batchReward.js'
export type * from './batchRewardPruned.js'
export type * from './boundReward.js'
export type * from './combineLogits.js'
export type * from './combineScore.js'
export type * from './degenerationPenalty.js'
export type * from './forcedWords.js'
export type * from './frequencyPenalty.js'
export type * from './grammar.js'
export type * from './logNormalizer.js'
export type * from './logitBias.js'
export type * from './minP.js'
export type * from './noRepeatNgram.js'
export type * from './presencePenalty.js'
export type * from './pruneCandidates.js'
export type * from './repetitionPenalty.js'
export type * from './sampleTemperature.js'
export type * from './selectGreedy.js'
export type * from './temperature.js'
export type * from './topK.js'
export type * from './topP.js'
export type * from './trace.js'
export type * from './typical.js'

/** The operators that pipelines can name, under the names of their files. */
export const operators: Readonly<Record<string, RegisteredOperator>> = {
  bannedWords: bannedWordsEntry,
  batchReward: batchRewardEntry,
  batchRewardPruned: batchRewardPrunedEntry,
  boundReward: boundRewardEntry,
  combineLogits: combineLogitsEntry,
  combineScore: combineScoreEntry,
  degenerationPenalty: degenerationPenaltyEntry,
  forcedWords: forcedWordsEntry,
  frequencyPenalty: frequencyPenaltyEntry,
  grammar: grammarEntry,
  logNormalizer: logNormalizerEntry,
  logitBias: logitBiasEntry,
  minP: minPEntry,
  noRepeatNgram: noRepeatNgramEntry,
  presencePenalty: presencePenaltyEntry,
  pruneCandidates: pruneCandidatesEntry,
  repetitionPenalty: repetitionPenaltyEntry,
  sampleTemperature: sampleTemperatureEntry,
  selectGreedy: selectGreedyEntry,
  temperature: temperatureEntry,
  topK: topKEntry,
  topP: topPEntry,
  typical: typicalEntry,
}
