import { from, lastValueFrom, NEVER, type Observable, of, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { shareAnswers } from '../../../pipelines/rewards/shareAnswers.js'
import { ids, sequenceOf } from '../../fakes.js'

/** A reward under shareAnswers that gives its answers in turn and counts its calls. */
const answering = (...answers: readonly Observable<Float32Array>[]) => {
  const asked: string[] = []
  const reward = shareAnswers({
    name: 'a',
    score: (_, candidateIds) => {
      asked.push(candidateIds.join())
      return answers[asked.length - 1]!
    },
    value: ({ tokenIds }) => of(tokenIds.length),
  })
  return { reward, asked }
}
const sequence = sequenceOf('p', 'c')
const one = Float32Array.of(1)
const two = Float32Array.of(2)

describe('a shareAnswers reward', () => {
  it('is called once for the same candidates of a step', async () => {
    const { reward, asked } = answering(of(Float32Array.of(1, 2)), of(two), of(one))
    const score = async (of = sequence, text = 'xy') => Array.from(await lastValueFrom(from(reward.score(of, ids(text)))))
    expect([await score(), await score(), await score(sequence, 'y')]).toEqual([[1, 2], [1, 2], [2]])
    expect(await score(sequence, 'z')).toEqual([2])
    expect(await score({ ...sequence, tokenIds: [] }, 'z')).toEqual([1])
    expect(asked).toHaveLength(3)
    expect(await lastValueFrom(from(reward.value(sequence)))).toBe(1)
  })
  it('is called again after a failure', async () => {
    const { reward } = answering(
      throwError(() => new Error('no')),
      of(one),
    )
    await expect(lastValueFrom(from(reward.score(sequence, ids('x'))))).rejects.toThrow('no')
    expect(await lastValueFrom(from(reward.score(sequence, ids('x'))))).toEqual(one)
  })
  it('is cancelled when nobody waits any more, and called again', async () => {
    const { reward, asked } = answering(NEVER, of(one))
    from(reward.score(sequence, ids('x')))
      .subscribe()
      .unsubscribe()
    expect(await lastValueFrom(from(reward.score(sequence, ids('x'))))).toEqual(one)
    expect(asked).toHaveLength(2)
  })
})
