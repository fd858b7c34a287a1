import { defer, from, type MonoTypeOperatorFunction, type Observable, type ObservableInput, tap } from 'rxjs'
import type { Reward } from '../../src/core/model.js'
import { type BatchObserver, type CallReport, clock, type RunObserver } from '../../src/core/observe/observer.js'
import type { RowKey } from '../../src/core/run.js'
import type { Sequence } from '../../src/core/sequence.js'

/** The functions of an observer that a scheduler calls. */
export type ScheduleObserver = Pick<RunObserver, 'onBatch' | 'onCall' | 'onQueue'>

type Kind = CallReport['kind']
/** What a call tells of itself: the key of its sequence, and how many prompt tokens it reads. */
type OwnedCall = Readonly<{ key: object; promptTokens: number }>

/** Reports the batches, queues and calls of models to an observer. Without `onCall` it keeps nothing of a call. */
export function observeCalls({ onBatch, onCall, onQueue }: ScheduleObserver) {
  const keys = new WeakMap<object, RowKey>()
  const keep = ({ key, promptId, sample }: Pick<Sequence, 'key' | 'promptId' | 'sample'>): void => {
    if (!keys.has(key)) keys.set(key, { id: promptId, sample })
  }
  const report = (model: string, kind: Kind, key: object, rest: Omit<CallReport, 'key' | 'model' | 'kind'>): void => {
    const row = keys.get(key)
    if (row) onCall?.({ key: row, model, kind, ...rest })
  }
  /** Times a call that waits in no queue. */
  const alone = <Result>(model: string, kind: Kind, { key, promptTokens }: OwnedCall): MonoTypeOperatorFunction<Result> =>
    onCall
      ? (source) =>
          defer(() => {
            const startedAt = clock()
            return source.pipe(
              tap(() => report(model, kind, key, { askedAt: startedAt, startedAt, endedAt: clock(), promptTokens })),
            )
          })
      : (source) => source
  return {
    /** Remembers the row of a sequence, whose calls carry its key only. */
    keep: onCall ? keep : undefined,
    /** What the scheduler of a model reports. */
    batches: <Call>(model: string, kind: Kind, of: (call: Call) => OwnedCall): BatchObserver<Call> => ({
      ...(onBatch && { onBatch: (batch) => onBatch(model, batch) }),
      ...(onQueue && { onQueue: (change) => onQueue(model, change) }),
      ...(onCall && {
        now: clock,
        onCall: (call, times) => {
          const { key, promptTokens } = of(call)
          report(model, kind, key, { ...times, promptTokens })
        },
      }),
    }),
    /** Times a call that waits in no queue. */
    alone,
    /** A reward whose calls tell their row, and are timed here if they are `isAlone`. */
    reward: (reward: Reward, isAlone: boolean): Reward => {
      if (!onCall) return reward
      const timed = <Result>(sequence: Sequence, ask: () => ObservableInput<Result>): Observable<Result> =>
        defer(() => {
          keep(sequence)
          return isAlone ? from(ask()).pipe(alone(reward.name, 'rewards', { key: sequence.key, promptTokens: 0 })) : from(ask())
        })
      return {
        ...reward,
        score: (sequence, candidateIds) => timed(sequence, () => reward.score(sequence, candidateIds)),
        value: (sequence) => timed(sequence, () => reward.value(sequence)),
      }
    },
  }
}
