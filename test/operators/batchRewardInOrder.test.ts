import fc from 'fast-check'
import { EMPTY, lastValueFrom, of } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { batchRewardInOrder } from '../../operators/batchRewardInOrder.js'
import { RewardError } from '../../src/core/errors.js'
import type { Reward, Rewarded } from '../../src/core/types.js'
import { candidates, marbles, rewarded } from '../marbles.js'

/** Gives each token of `ids` its reward, and writes down what it was asked. */
function asked(rewards: Readonly<Record<number, number>>) {
  const calls: number[][] = []
  const reward: Reward = {
    name: 'safety',
    score: (_, ids) => {
      calls.push([...ids])
      return of(Float32Array.from(ids, (id) => rewards[id]!))
    },
    value: () => of(0),
  }
  return { calls, reward }
}

const choice = ({ tokenIds, scores, rewards }: Rewarded, weight: number): number => {
  const total = scores.map((score, i) => score + weight * rewards.safety![i]!)
  return tokenIds[total.indexOf(Math.max(...total))]!
}

describe('batchRewardInOrder', () => {
  it('scores the likeliest, and no other that could not win by the spread', async () => {
    const { calls, reward } = asked({ 1: 0, 2: 0, 3: 0, 4: 0 })
    const step = candidates([1, 2, 3, 4], [5, 4.9, 3.5, 0])
    const operator = batchRewardInOrder({ reward, weight: 1, first: 2, spread: 1 })
    expect(await lastValueFrom(of(step).pipe(operator))).toEqual(rewarded(candidates([1, 2], [5, 4.9]), { safety: [0, 0] }))
    expect(calls).toEqual([[1, 2]])
  })

  it('goes on while a better reward shows that the next could win', async () => {
    const { calls, reward } = asked({ 1: 0, 2: 0, 3: 2, 4: 0, 5: 0 })
    const step = candidates([1, 2, 3, 4, 5], [5, 4.9, 4.5, 3.4, 0])
    const operator = batchRewardInOrder({ reward, weight: 1, first: 1, spread: 0.6 })
    const out = await lastValueFrom(of(step).pipe(operator))
    expect(calls).toEqual([[1], [2, 3], [4]])
    expect([...out.rewards.safety!]).toEqual([0, 0, 2, 0])
  })

  it('remembers, for one sequence, by how much a reward was better than those before it', async () => {
    const { calls, reward } = asked({ 1: 0, 2: 3, 3: 0, 4: 0 })
    const operator = batchRewardInOrder({ reward, weight: 1, first: 1, spread: 1 })
    await lastValueFrom(of(candidates([1, 2], [5, 4.9])).pipe(operator))
    await lastValueFrom(of(candidates([3, 4], [5, 2.5])).pipe(operator))
    expect(calls).toEqual([[1], [2], [3], [4]])
    const other = { ...candidates([3, 4], [5, 2.5]), sequence: { ...candidates([], []).sequence, key: {} } }
    await lastValueFrom(of(other).pipe(operator))
    expect(calls.slice(4)).toEqual([[3]])
  })

  it('chooses as with all rewards where none is better than those before it by more than the spread', async () => {
    const numbers = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 1, maxLength: 12 })
    const setting = fc.record({
      gaps: numbers,
      rewards: numbers,
      weight: fc.double({ min: -2, max: 2, noNaN: true }),
      first: fc.nat(4),
    })
    await fc.assert(
      fc.asyncProperty(setting, async ({ gaps, rewards, weight, first }) => {
        const logits = gaps.toSorted((a, b) => b - a)
        const given = logits.map((_, i) => Math.fround(rewards[i % rewards.length]!))
        const spread = Math.max(...given) - Math.min(...given)
        const step = candidates([...logits.keys()], logits)
        const { reward } = asked({ ...given })
        const out = await lastValueFrom(of(step).pipe(batchRewardInOrder({ reward, weight, first: first + 1, spread })))
        expect(choice(out, weight)).toBe(choice(rewarded(step, { safety: given }), weight))
      }),
    )
  })

  it('says when a reward gives nothing, or too little', async () => {
    const giving = (score: Reward['score']) =>
      lastValueFrom(
        of(candidates([1, 2], [1, 0])).pipe(
          batchRewardInOrder({ reward: { name: 'safety', score, value: () => of(0) }, weight: 1 }),
        ),
      )
    await expect(giving(() => EMPTY)).rejects.toThrow(new RewardError('Reward `safety` gave no rewards'))
    await expect(giving(() => of(Float32Array.of(1)))).rejects.toThrow('gave 1 numbers for 2 candidates')
    await expect(giving(() => of(Float32Array.of(1, Number.NaN)))).rejects.toThrow('gave NaN for candidate 1 (token 2)')
    expect(() => batchRewardInOrder({ reward: undefined, weight: 1 })).toThrow('Expected `reward` to be a reward')
  })

  it(
    'keeps the order of steps and leaves the source when it is left',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const { reward } = asked({ 1: 0, 2: 0 })
      const [c, d] = [candidates([1], [1]), candidates([2], [1])]
      const source = cold('cd--|', { c, d })
      const [o, p] = [c, d].map((step) => rewarded(step, { safety: [0] }))
      expectObservable(source.pipe(batchRewardInOrder({ reward, weight: 1 })), '^--!').toBe('op', { o, p })
      expectSubscriptions(source.subscriptions).toBe('^--!')
    }),
  )
})
