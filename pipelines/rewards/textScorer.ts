import { defer, finalize, map, mergeMap, type Observable, type OperatorFunction, of } from 'rxjs'
import { batchCalls } from '../../operators/batchCalls.js'
import type { BatchedPairReward, BatchedRewardModel } from '../../src/core/batched.js'
import { RewardError } from '../../src/core/errors.js'
import type { RunObserver } from '../../src/core/observe/observer.js'
import type { ReplySoFar, TextReward } from '../../src/core/rewardSource.js'
import { textScores } from './rewardOfText.js'
import { pairTexts, type Special, tokenTexts, type WholeTexts, writtenText } from './wholeTexts.js'

/**
 * The reward of an existing text: prompt and completion as they are.
 *
 * - errors: `InputError` for a text that the reward cannot read; `RewardError` without a finite number; what ends a run (`endsRun`)
 */
export type TextScorer = (prompt: string, completion: string, special: Special) => Observable<number>

export type TextScorerOptions = Readonly<{ observe?: Pick<RunObserver, 'onBatch' | 'onQueue'> }>

/** Scores existing texts by a reward. Calls of many texts are batched; a function scores each text by itself. */
export function textScorer(
  reward: BatchedRewardModel | BatchedPairReward | TextReward,
  { observe: { onBatch, onQueue } = {} }: TextScorerOptions = {},
): TextScorer {
  const batched = <Call>(texts: WholeTexts<Call>): TextScorer =>
    scorerOf(
      texts,
      batchCalls((calls: readonly Call[]) => texts.run(calls), {
        maxBatch: texts.maxBatch,
        ...(onBatch && { onBatch: (report) => onBatch(reward.name, report) }),
        ...(onQueue && { onQueue: (change) => onQueue(reward.name, change) }),
      }),
    )
  if (reward.kind === 'pairs') return batched(pairTexts(reward))
  if (reward.kind === 'tokens') return batched(tokenTexts(reward))
  const scores = textScores(reward)
  // Side by side, so that a failing call affects no other.
  const scheduled = mergeMap((reply: ReplySoFar) => scores([reply]).pipe(map(([value]) => value)))
  return scorerOf({ name: reward.name, read: writtenText, release: () => undefined }, scheduled)
}

const scorerOf =
  <Call>(
    { name, read, release }: Pick<WholeTexts<Call>, 'name' | 'read' | 'release'>,
    scheduled: OperatorFunction<Call, number | undefined>,
  ): TextScorer =>
  (prompt, completion, special) =>
    defer(() => {
      const call = read(prompt, completion, special)
      return of(call).pipe(
        scheduled,
        map((value) => {
          if (value !== undefined && Number.isFinite(value)) return value
          throw new RewardError(`Reward \`${name}\` returned ${value}`)
        }),
        finalize(() => release(call)),
      )
    })
