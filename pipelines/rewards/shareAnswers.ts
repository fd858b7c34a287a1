import { AsyncSubject, defer, map, type Observable, share, take } from 'rxjs'
import type { Reward } from '../../src/core/model.js'
import type { Sequence } from '../../src/core/sequence.js'

/** Emits when the call is complete, so a subscriber who leaves early does not cancel it. */
const once = <T>(call: Observable<T>): Observable<T> =>
  call.pipe(take(1), share({ connector: () => new AsyncSubject<T>(), resetOnComplete: false }))

type Scored = Readonly<{ sequence: Sequence; candidateIds: Int32Array; scores: Observable<Float32Array> }>
type Valued = Readonly<{ sequence: Sequence; value: Observable<number> }>

/**
 * Shares a reward's last result for each sequence between a decoder and an ensemble that score the same step. A subset of the last
 * candidates is not computed again. Failed and cancelled calls are forgotten.
 */
export function shareAnswers(reward: Reward): Reward {
  const scored = new WeakMap<object, Scored>()
  const valued = new WeakMap<object, Valued>()

  const score = (sequence: Sequence, candidateIds: Int32Array): Observable<Float32Array> => {
    const last = scored.get(sequence.key)
    const places = Array.from(candidateIds, (id) => (last?.sequence === sequence ? last.candidateIds.indexOf(id) : -1))
    if (last && !places.includes(-1)) return last.scores.pipe(map((all) => Float32Array.from(places, (place) => all[place]!)))
    const scores = once(defer(() => reward.score(sequence, candidateIds)))
    scored.set(sequence.key, { sequence, candidateIds, scores })
    return scores
  }
  const value = (sequence: Sequence): Observable<number> => {
    const last = valued.get(sequence.key)
    if (last?.sequence === sequence) return last.value
    const shared = once(defer(() => reward.value(sequence)))
    valued.set(sequence.key, { sequence, value: shared })
    return shared
  }
  return { ...reward, score, value }
}
