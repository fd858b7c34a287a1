import { defer, map, type Observable, of } from 'rxjs'
import { type BatchReport, batchCalls } from '../operators/batchCalls.js'
import { RewardError, ShapeError } from '../src/core/errors.js'
import type {
  BatchedRewardModel,
  DecoderModels,
  LanguageModel,
  LogitsCall,
  Models,
  Reward,
  RewardCall,
} from '../src/core/types.js'
import { rewardOfText } from './rewardOfText.js'
import { rewardOverText } from './rewardOverText.js'

export type ScheduleOptions = Readonly<{
  /** Something worth a line that is no error; each is said once. */
  onNotice?: (notice: string) => void
  /** A finished batch of `lm`, or of the reward of that name. */
  onBatch?: (model: string, report: BatchReport) => void
}>

/**
 * Batched models as decoders see them, one call at a time: a scheduler of its own in front of each model. Rewards with the
 * language model's tokenizer and template read its token ids, others the text.
 *
 * A call that cannot fit its model is refused here, before it joins a batch that it would fail.
 */
export function schedule({ lm, rewards }: Models, { onNotice, onBatch }: ScheduleOptions = {}): DecoderModels {
  const reports = (model: string) => (onBatch ? { onBatch: (report: BatchReport) => onBatch(model, report) } : {})

  const rewardOfModel = (model: BatchedRewardModel): Reward => {
    const scheduled = batchCalls((calls: readonly RewardCall[]) => model.run(calls), {
      maxBatch: model.maxBatch,
      ...reports(model.name),
    })
    const call = (one: RewardCall): Observable<Float32Array> =>
      of(one).pipe(scheduled, map(finite(model.name, one.branches.length)))
    if (model.codec.fingerprint === lm.codec.fingerprint) return rewardOverTokens(model, call)
    onNotice?.(
      `Reward \`${model.name}\` has another tokenizer or chat template than the language model: it reads text, which is slower`,
    )
    return rewardOverText(model, lm.codec, call)
  }
  const bound = rewards.map((source) => ('scoreTexts' in source ? rewardOfText(source, lm.codec) : rewardOfModel(source)))
  return {
    lm: scheduledLanguageModel(lm, reports('lm')),
    rewards: new Map(bound.map((reward) => [reward.name, reward])),
    ...(bound[0] && { reward: bound[0] }),
  }
}

function scheduledLanguageModel(lm: Models['lm'], reports: { onBatch?: (report: BatchReport) => void }): LanguageModel {
  const scheduled = batchCalls((calls: readonly LogitsCall[]) => lm.run(calls), { maxBatch: lm.maxBatch, ...reports })
  return {
    capabilities: lm.capabilities,
    logits: (sequence, need) =>
      defer(() => {
        const length = sequence.promptTokenIds.length + sequence.tokenIds.length
        if (length > lm.contextLength)
          throw new ShapeError(`Expected at most ${lm.contextLength} tokens, the model's context, got ${length}`)
        return of({ sequence, need }).pipe(scheduled)
      }),
    release: ({ key }) => lm.release(key),
  }
}

/** The same tokenizer and template: token ids go straight through. */
function rewardOverTokens(model: BatchedRewardModel, call: (call: RewardCall) => Observable<Float32Array>): Reward {
  const read = (key: object, tokenIds: readonly number[], branches: RewardCall['branches']): Observable<Float32Array> =>
    defer(() => {
      const length = tokenIds.length + branches[0]!.length
      if (length <= model.contextLength) return call({ key, tokenIds, branches })
      throw new RewardError(`Reward \`${model.name}\` has a context of ${model.contextLength} tokens, the sequence has ${length}`)
    })
  return {
    name: model.name,
    score: ({ key, promptTokenIds, tokenIds }, candidateIds) =>
      read(
        key,
        [...promptTokenIds, ...tokenIds],
        Array.from(candidateIds, (id) => [id]),
      ),
    value: ({ key, promptTokenIds, tokenIds }) =>
      read(key, [...promptTokenIds, ...tokenIds], [[]]).pipe(map(([value]) => value!)),
    release: ({ key }) => model.release(key),
  }
}

const finite =
  (name: string, count: number) =>
  (values: Float32Array): Float32Array => {
    if (values?.length !== count)
      throw new RewardError(`Reward \`${name}\` gave ${values?.length ?? 'no'} numbers for ${count} texts`)
    const bad = values.findIndex((value) => !Number.isFinite(value))
    if (bad !== -1) throw new RewardError(`Reward \`${name}\` gave ${values[bad]} for text ${bad} of ${count}`)
    return values
  }
