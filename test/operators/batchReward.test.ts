import { EMPTY, type Observable, type ObservableInput, of } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { batchReward } from '../../operators/batchReward.js'
import { OptionError, RewardError } from '../../src/core/errors.js'
import type { Reward } from '../../src/core/model.js'
import { candidates, marbles, rewarded, sequence } from '../marbles.js'

const c = candidates([7, 8], [2, 1])
const r = Float32Array.of(0.5, -1)
const out = rewarded(c, { safety: [0.5, -1] })
const rewardOf = (score: Reward['score']): Reward => ({ name: 'safety', score, value: () => of(0) })
const giving = (rewards: ObservableInput<Float32Array>) => batchReward({ reward: rewardOf(() => rewards) })

describe('batchReward', () => {
  it(
    "adds the rewards under the reward's name when they arrive",
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-c----|', { c })
      const rewards = cold(' --r|', { r })
      expectObservable(source.pipe(giving(rewards))).toBe('---o--|', { o: out })
      expectSubscriptions(source.subscriptions).toBe('^-----!')
      expectSubscriptions(rewards.subscriptions).toBe('-^-!')
    }),
  )
  it(
    "scores the candidates of the step's own sequence",
    marbles(({ cold, expectObservable, flush }) => {
      const asked: unknown[] = []
      const reward = rewardOf((...call) => {
        asked.push(call)
        return of(r)
      })
      expectObservable(cold('c|', { c }).pipe(batchReward({ reward }))).toBe('o|', { o: out })
      flush()
      expect(asked).toEqual([[sequence, c.tokenIds]])
    }),
  )
  it(
    'keeps the rewards of another reward',
    marbles(({ cold, expectObservable }) => {
      const s = rewarded(c, { helpful: [3, 4] })
      expectObservable(cold('s|', { s }).pipe(giving(of(r)))).toBe('o|', {
        o: rewarded(c, { helpful: [3, 4], safety: [0.5, -1] }),
      })
    }),
  )
  it(
    'keeps the order of steps',
    marbles(({ cold, expectObservable }) => {
      const d = candidates([1, 2], [2, 1])
      const slowFirst = rewardOf(
        (_, ids) => (ids[0] === 7 ? cold('---r|', { r }) : cold('r|', { r })) as Observable<Float32Array>,
      )
      expectObservable(cold('cd|', { c, d }).pipe(batchReward({ reward: slowFirst }))).toBe('---(op|)', {
        o: out,
        p: rewarded(d, { safety: [0.5, -1] }),
      })
    }),
  )
  it(
    'passes on an empty source, a silent source and errors',
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('|').pipe(giving(of(r)) as never)).toBe('|')
      expectObservable(cold('-').pipe(giving(of(r)) as never)).toBe('-')
      expectObservable(cold('-#').pipe(giving(of(r)) as never)).toBe('-#')
    }),
  )
  it(
    'cancels the call when it is unsubscribed',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const rewards = cold('-----r|', { r })
      expectObservable(cold('-c--|', { c }).pipe(giving(rewards)), '^--!').toBe('----')
      expectSubscriptions(rewards.subscriptions).toBe('-^-!')
    }),
  )
  it(
    "passes on the reward's error, emitted or thrown",
    marbles(({ cold, expectObservable }) => {
      const error = new Error('no')
      expectObservable(cold('-c|', { c }).pipe(giving(cold('-#', {}, error)))).toBe('--#', {}, error)
      const throwing = rewardOf(() => {
        throw error
      })
      expectObservable(cold('-c|', { c }).pipe(batchReward({ reward: throwing }))).toBe('-#', {}, error)
    }),
  )
  it.each<[string, ObservableInput<Float32Array>, string]>([
    ['too few', of(Float32Array.of(1)), 'Reward `safety` gave 1 numbers for 2 candidates'],
    ['too many', of(Float32Array.of(1, 2, 3)), 'Reward `safety` gave 3 numbers for 2 candidates'],
    [
      'NaN',
      of(Float32Array.of(1, Number.NaN)),
      'Reward `safety` gave `NaN` (number) for candidate 1 (token 8); expected a finite number',
    ],
    [
      'infinity',
      of(Float32Array.of(Number.NEGATIVE_INFINITY, 1)),
      'Reward `safety` gave `-Infinity` (number) for candidate 0 (token 7); expected a finite number',
    ],
    ['nothing', EMPTY, 'Reward `safety` gave no rewards'],
    ['no array', of<never>(undefined as never), 'Reward `safety` gave `undefined` (undefined); expected an array of 2 numbers'],
  ])('errors for %s', (_, rewards, message) => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('-c|', { c }).pipe(giving(rewards))).toBe('-#', {}, new RewardError(message))
    })()
  })
  it('refuses to run without a reward and says that it is missing', () => {
    expect(() => batchReward({ reward: undefined })).toThrow(
      new OptionError('Expected `reward` to be a reward among the models: a model or a function, got nothing'),
    )
    expect(batchReward({ reward: rewardOf(() => of(r)) }).entry).toEqual({ name: 'batchReward', options: { reward: 'safety' } })
  })
})
