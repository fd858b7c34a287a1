import { from, lastValueFrom } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { textReward } from '../../../pipelines/rewards/textReward.js'
import { schedule } from '../../../pipelines/schedule/schedule.js'
import { OptionError, RewardError } from '../../../src/core/errors.js'
import type { ReplySoFar } from '../../../src/core/rewardSource.js'
import { END, fakeLm, fakeModels, ids, sequenceOf } from '../../fakes.js'

describe('a reward over text', () => {
  const scoresOf = (score: Parameters<typeof textReward>[1], options = {}) =>
    lastValueFrom(
      from(schedule(fakeModels(fakeLm(), [textReward('mine', score, options)])).reward!.score(sequenceOf('ab', 'c'), ids('xy'))),
    )

  it('reads prompt, completion and candidate', async () => {
    const seen: string[] = []
    expect([...(await scoresOf((text) => seen.push(text)))]).toEqual([1, 2])
    expect(seen).toEqual(['abcx', 'abcy'])
  })
  it('reads the rendered messages, and no special tokens', async () => {
    const seen: string[] = []
    const reward = schedule(fakeModels(fakeLm(), [textReward('mine', (text) => seen.push(text))])).reward!
    const messages = sequenceOf('', '', {
      prompt: { messages: [{ role: 'user', content: 'hi' }] },
      tokenIds: [...ids('yo'), END],
    })
    await lastValueFrom(from(reward.value(messages)))
    expect(seen).toEqual(['user: hi\nassistant: yo'])
  })
  it('gets prompt and completion apart, and whether the reply has ended', async () => {
    const replies: ReplySoFar[] = []
    const reward = schedule(fakeModels(fakeLm(), [textReward('mine', (_text, _signal, reply) => replies.push(reply))])).reward!
    await lastValueFrom(from(reward.score(sequenceOf('ab', 'c'), Int32Array.of(...ids('x'), END))))
    expect(replies).toEqual([
      { prompt: 'ab', completion: 'cx', parts: ['c', 'x'], tokens: 2, ended: false },
      { prompt: 'ab', completion: 'c', parts: ['c', ''], tokens: 2, ended: true },
    ])
    await lastValueFrom(from(reward.value(sequenceOf('ab', ''))))
    expect(replies[2]).toEqual({ prompt: 'ab', completion: '', tokens: 0, ended: false })
  })
  it('may be asynchronous', async () => {
    expect([...(await scoresOf(async (text) => text.length))]).toEqual([4, 4])
  })
  it.each<[string, () => unknown, string]>([
    [
      'throws',
      () => {
        throw new Error('no')
      },
      'Reward `mine` failed: no',
    ],
    [
      'rejects',
      async () => {
        throw new Error('no')
      },
      'Reward `mine` failed: no',
    ],
    ['gives NaN', () => Number.NaN, 'Reward `mine` gave `NaN` (number) for text 0; expected a finite number'],
    [
      'gives a number that is infinite in 32 bits',
      () => 1e300,
      'Reward `mine` gave `1e+300` (number) for text 0; expected a finite number',
    ],
    ['gives a text', () => '3', 'Reward `mine` gave `3` (string) for text 0; expected a finite number'],
    ['gives nothing', () => undefined, 'Reward `mine` gave `undefined` (undefined) for text 0; expected a finite number'],
  ])('errors when it %s', async (_, score, message) => {
    await expect(scoresOf(score as () => number)).rejects.toThrow(new RewardError(message))
  })
  it('errors after its time limit and gets an abort signal', async () => {
    let told: AbortSignal | undefined
    const hanging = scoresOf(
      (_, signal) => {
        told = signal
        return new Promise(() => {})
      },
      { timeoutMs: 5 },
    )
    await expect(hanging).rejects.toEqual(new RewardError('Reward `mine` returned nothing within 5 ms'))
    expect(told!.aborted).toBe(true)
  })
  it('gets an abort signal when nobody waits any more', async () => {
    let told: AbortSignal | undefined
    const reward = schedule(
      fakeModels(fakeLm(), [
        textReward('mine', (_, signal) => {
          told = signal
          return new Promise(() => {})
        }),
      ]),
    ).reward!
    const subscription = from(reward.value(sequenceOf('a', 'b'))).subscribe()
    await Promise.resolve()
    subscription.unsubscribe()
    expect(told!.aborted).toBe(true)
  })
  it.each([0, 1.5, Number.POSITIVE_INFINITY, '1'])('refuses timeoutMs = %s', (timeoutMs) => {
    expect(() => textReward('mine', () => 0, { timeoutMs: timeoutMs as number })).toThrow(OptionError)
  })
  it('refuses an empty name', () => {
    expect(() => textReward('', () => 0)).toThrow(new OptionError('Expected `name` to be a name, got `` (string)'))
  })
})
