import fc from 'fast-check'
import { lastValueFrom, of } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { batchReward } from '../../operators/batchReward.js'
import { combineScore } from '../../operators/combineScore.js'
import { pruneCandidates } from '../../operators/pruneCandidates.js'
import { selectGreedy } from '../../operators/selectGreedy.js'
import { OptionError, ShapeError } from '../../src/core/errors.js'
import type { Reward } from '../../src/core/model.js'
import { candidates, marbles, relays } from '../marbles.js'

const c = candidates([7, 8, 9], [5, 4, 1])

describe('pruneCandidates', () => {
  it(
    'keeps the candidates within the margin of the best logit, in order',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-c--|', { c })
      expectObservable(source.pipe(pruneCandidates({ margin: 1 }))).toBe('-p--|', { p: candidates([7, 8], [5, 4]) })
      expectSubscriptions(source.subscriptions).toBe('^---!')
    }),
  )

  it(
    'keeps the best alone at margin 0, and all at a wide margin',
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('c|', { c }).pipe(pruneCandidates({ margin: 0 }))).toBe('p|', { p: candidates([7], [5]) })
      expectObservable(cold('c|', { c }).pipe(pruneCandidates({ margin: 4 }))).toBe('c|', { c })
    }),
  )

  it('does not change the choice if weight times the spread of rewards is within the margin', async () => {
    const pairs = fc.array(fc.tuple(fc.float({ min: -20, max: 20, noNaN: true }), fc.float({ min: -1, max: 1, noNaN: true })), {
      minLength: 1,
      maxLength: 12,
    })
    await fc.assert(
      fc.asyncProperty(pairs, async (list) => {
        const sorted = list.toSorted(([a], [b]) => b - a)
        const rewards = sorted.map(([, reward]) => reward)
        const reward: Reward = {
          name: 'table',
          score: (_, ids) => of(Float32Array.from(ids, (id) => rewards[id]!)),
          value: () => of(0),
        }
        const weight = 1.5
        const scored = [batchReward({ reward }), combineScore({ weight }), selectGreedy()] as const
        const step = candidates(
          [...sorted.keys()],
          sorted.map(([logit]) => logit),
        )
        const all = await lastValueFrom(of(step).pipe(...scored))
        const few = await lastValueFrom(of(step).pipe(pruneCandidates({ margin: 2 * weight + 1e-4 }), ...scored))
        expect(few.tokenId).toBe(all.tokenId)
      }),
    )
  })

  it(
    'passes on an empty source, a silent source and errors, and unsubscribes from the source',
    relays(pruneCandidates({ margin: 9 }), c, c),
  )

  it(
    'errors for no candidates, a logit that is NaN, and candidates with scores',
    marbles(({ cold, expectObservable }) => {
      const pruned = (step: object) => cold('s|', { s: step as typeof c }).pipe(pruneCandidates({ margin: 1 }))
      expectObservable(pruned(candidates([], []))).toBe('#', {}, new ShapeError('Expected at least one candidate, got none'))
      const nan = new ShapeError('Expected logits that are numbers, got NaN')
      expectObservable(pruned(candidates([1, 2], [1, Number.NaN]))).toBe('#', {}, nan)
      const late = new ShapeError('Expected candidates without rewards: prune them before they are scored')
      expectObservable(pruned({ ...c, rewards: {} })).toBe('#', {}, late)
    }),
  )

  it.each([-1, Number.NaN, '4'])('refuses margin = %s', (margin) => {
    expect(() => pruneCandidates({ margin: margin as number })).toThrow(OptionError)
  })
  it('has a registry entry', () => {
    expect(pruneCandidates({ margin: 4 }).entry).toEqual({ name: 'pruneCandidates', options: { margin: 4 } })
  })
})
