import { defer, map, type Observable, type OperatorFunction, of } from 'rxjs'
import * as z from 'zod'
import { batchCalls } from '../../operators/batchCalls.js'
import type {
  BatchedLanguageModel,
  BatchedPairReward,
  BatchedRewardModel,
  RewardCall,
  StatesCall,
} from '../../src/core/batched.js'
import { freeTurns, measuredTurns } from '../../src/core/batching.js'
import { checkRewards } from '../../src/core/checkRewards.js'
import { OptionError, RewardError } from '../../src/core/errors.js'
import type { Reward } from '../../src/core/model.js'
import { mergeObservers, observeOption } from '../../src/core/observe/mergeObservers.js'
import { type CallReport, clock } from '../../src/core/observe/observer.js'
import { aFunction, parseOptions } from '../../src/core/parseOptions.js'
import { type EnsembleReward, orderedRewards, type RewardSource } from '../../src/core/rewardSource.js'
import type { Models } from '../../src/core/run.js'
import type { DecoderModels } from '../../src/core/step.js'
import { ensemble } from '../rewards/ensemble.js'
import { rewardOfText } from '../rewards/rewardOfText.js'
import { rewardOverPairs } from '../rewards/rewardOverPairs.js'
import { rewardOverText } from '../rewards/rewardOverText.js'
import { shareAnswers } from '../rewards/shareAnswers.js'
import { observeCalls, type ScheduleObserver } from './observeCalls.js'
import {
  findForeign,
  type LiveKeys,
  liveKeys,
  readAhead,
  type Scheduled,
  type ScheduledStates,
  scheduledLanguageModel,
  type Weighed,
} from './scheduledLanguageModel.js'

const scheduleOptions = z.strictObject({ onNotice: aFunction.optional(), observe: observeOption })

export type ScheduleOptions = Readonly<{
  /** Called with warnings that are no errors, each once. */
  onNotice?: ((notice: string) => void) | undefined
  /** Receives the batches, queues and calls of the models. */
  observe?: ScheduleObserver | undefined
}>

/**
 * Puts a scheduler in front of each batched model, so that decoders call it one sequence at a time. Rewards with the language model's
 * tokenizer and template read its token ids, others read the text. Models take turns: all sequences go from model to model together or in
 * two groups, whichever is faster.
 *
 * A call that does not fit its model's context is refused here, before it can fail a batch.
 *
 * @throws OptionError for an invalid option; for an end token that a reward cannot read, or reads itself; for a further language model, or a reward
 *   that returns log-probabilities, whose tokens differ from the language model's
 */
export function schedule({ lm, lms = {}, rewards }: Models, options: ScheduleOptions = {}): DecoderModels {
  parseOptions(scheduleOptions, options, 'schedule')
  const { onNotice, observe = {} } = options
  const observed = observeCalls(mergeObservers(observe))
  const live = liveKeys()
  const ordered = orderedRewards(rewards)
  const alone = lm.sideBySide || rewards.every(({ kind }) => kind === 'text' || kind === 'ensemble')
  const turns = alone ? freeTurns : measuredTurns({ running: () => live.size, now: clock })
  const batch = <Call, Result>(model: Batched<Call, Result>, name: string, kind: CallReport['kind']) =>
    readAhead<Call, Result>(
      model.sideBySide
        ? (one) => apart(model, one).pipe(observed.alone(name, kind, one))
        : throughBatches(
            batchCalls((calls: readonly Weighed<Call>[]) => model.run(calls.map(({ call }) => call)), {
              maxBatch: model.maxBatch,
              promptTokens: ({ promptTokens }) => promptTokens,
              turns,
              ...observed.batches(name, kind, (call) => call),
            }),
          ),
      model.chunk,
    )

  const statesOf = (name: string, model: BatchedLanguageModel): ScheduledStates | undefined => {
    if (!model.hiddenStates) return undefined
    const scheduled = batchCalls<StatesCall, Float32Array[]>((calls) => model.hiddenStates!(calls), {
      maxBatch: model.maxBatch,
      turns,
      ...observed.batches(name, 'states', ({ sequence: { key } }) => ({ key, promptTokens: 0 })),
    })
    return (call) => of(call).pipe(scheduled)
  }

  const ready = (name: string, model: BatchedLanguageModel, sequences: LiveKeys) =>
    scheduledLanguageModel(name, model, batch(model, name, 'logits'), sequences, {
      states: statesOf(name, model),
      keep: observed.keep,
    })

  const rewardOfModel = (model: BatchedRewardModel): Reward => {
    const scheduled = batch(model, model.name, 'rewards')
    const call = (one: RewardCall): Observable<Float32Array> =>
      scheduled(one.key, one.tokenIds.length, one, (upTo) => ({ ...one, upTo })).pipe(
        map((output) => checkRewards(model.name, output, { texts: one.branches.length })),
      )
    if (model.codec.fingerprint === lm.codec.fingerprint) {
      if (model.endToken === undefined) return rewardOverTokens(model, call)
      throw new OptionError(
        `Reward \`${model.name}\` has the tokenizer of the language model and reads the end token of the reply itself, so \`endToken\` does not apply`,
      )
    }
    if (model.unit === 'logprob')
      throw new OptionError(
        `Expected reward \`${model.name}\` to have the tokenizer and chat template of the language model, because it returns log-probabilities of its tokens; they differ`,
      )
    onNotice?.(
      `Reward \`${model.name}\` has a different tokenizer or chat template from the language model, so it reads text, which is slower`,
    )
    return rewardOverText(model, lm, call)
  }
  const rewardOfEncoder = (model: BatchedPairReward): Reward => {
    const scheduled = batch(model, model.name, 'rewards')
    return rewardOverPairs(model, lm.codec, (key, pairs) =>
      // A pair is read whole each time, so no prompt can be read ahead.
      scheduled(key, 0, pairs, () => pairs).pipe(map((output) => checkRewards(model.name, output, { texts: pairs.length }))),
    )
  }
  const boundTo = (source: Exclude<RewardSource, EnsembleReward>): Reward => {
    if (source.kind === 'text') return observed.reward(rewardOfText(source, lm), true)
    return observed.reward(source.kind === 'pairs' ? rewardOfEncoder(source) : rewardOfModel(source), false)
  }
  const members = new Set(rewards.flatMap((source) => (source.kind === 'ensemble' ? source.members : [])))
  const bound = new Map<string, Reward>()
  for (const source of rewards) {
    if (source.kind === 'ensemble') continue
    bound.set(source.name, members.has(source.name) ? shareAnswers(boundTo(source)) : boundTo(source))
  }
  const bind = (source: RewardSource): Reward =>
    source.kind === 'ensemble'
      ? ensemble(
          source,
          source.members.map((member) => bound.get(member)!),
        )
      : bound.get(source.name)!
  const all = ordered.map(bind)
  const further = Object.entries(lms).map(([name, one]) => {
    if (one.codec.fingerprint !== lm.codec.fingerprint)
      throw new OptionError(`Expected language model \`${name}\` to have the tokenizer and chat template of \`lm\`; they differ`)
    return [name, ready(name, one, liveKeys())] as const
  })
  return {
    lm: ready('lm', lm, live),
    lms: new Map(further),
    rewards: new Map(all.map((reward) => [reward.name, reward])),
    ...(all[0] && { reward: all[0] }),
  }
}

type Batched<Call, Result> = Readonly<{
  maxBatch: number
  chunk?: number
  sideBySide?: boolean
  run(calls: readonly Call[]): Promise<Result[]>
}>

const throughBatches =
  <Call, Result>(batched: OperatorFunction<Weighed<Call>, Result>): Scheduled<Call, Result> =>
  (call) =>
    of(call).pipe(batched)

/** Runs each call separately, so that a failing or slow one holds up no other. */
const apart = <Call, Result>(model: Batched<Call, Result>, { call }: Weighed<Call>): Observable<Result> =>
  defer(() => model.run([call]).then(([result]) => result!))

/**
 * Adapts a reward model with the language model's tokenizer and template, which reads its token ids. An autoregressive reward model's value
 * is the log-probability of the reply after the prompt (GenARM's reward of a trajectory).
 */
function rewardOverTokens(model: BatchedRewardModel, call: (call: RewardCall) => Observable<Float32Array>): Reward {
  const { name, unit, contextLength, vocabSize = Number.POSITIVE_INFINITY } = model
  const check = (length: number, ...decoded: readonly ArrayLike<number>[]): void => {
    if (length > contextLength)
      throw new RewardError(`Reward \`${name}\` has a context of ${contextLength} tokens, the sequence has ${length}`)
    for (const tokenIds of decoded) {
      const foreign = findForeign(tokenIds, vocabSize)
      if (foreign !== undefined)
        throw new RewardError(`Reward \`${name}\` reads token ids from 0 to ${vocabSize - 1}, got ${foreign}`)
    }
  }
  return {
    name,
    ...(unit && { unit }),
    score: ({ key, promptTokenIds, tokenIds }, candidateIds) =>
      defer(() => {
        check(promptTokenIds.length + tokenIds.length + 1, tokenIds, candidateIds)
        return call({ key, tokenIds: promptTokenIds.concat(tokenIds), branches: Array.from(candidateIds, (id) => [id]) })
      }),
    value: ({ key, promptTokenIds, tokenIds }) =>
      defer(() => {
        check(promptTokenIds.length + tokenIds.length, tokenIds)
        return unit === 'logprob'
          ? call({ key, tokenIds: promptTokenIds, branches: [tokenIds] })
          : call({ key, tokenIds: promptTokenIds.concat(tokenIds), branches: [[]] })
      }).pipe(map(([value]) => value!)),
    release: ({ key }) => model.release(key),
  }
}
