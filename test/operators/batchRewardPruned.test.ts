import fc from 'fast-check'
import { lastValueFrom, of, toArray } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { batchRewardPruned } from '../../operators/batchRewardPruned.js'
import type { Reward } from '../../src/core/model.js'
import type { Candidates } from '../../src/core/step.js'
import { candidates, marbles, rewarded } from '../marbles.js'

/** A reward by token id that records its calls. */
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

const through = (steps: readonly Candidates[], operator: ReturnType<typeof batchRewardPruned<Candidates>>) =>
  lastValueFrom(of(...steps).pipe(operator, toArray()))

describe('batchRewardPruned', () => {
  it('scores all candidates at first, then those within reach of the best', async () => {
    const { calls, reward } = asked({ 1: 1, 2: -1, 3: 0, 4: 0 })
    const pair = candidates([1, 2], [5, 0]) // rewards deviate by 1
    const next = candidates([3, 4, 1], [5, 1.1, 0.9])
    const out = await through([pair, next], batchRewardPruned({ reward, weight: 2, reach: 2, warmUp: 1 }))
    expect(calls).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(out[1]).toEqual(rewarded(candidates([3, 4], [5, 1.1]), { safety: [0, 0] }))
  })

  it('uses the mean deviation of the steps with more than one candidate', async () => {
    const { calls, reward } = asked({ 1: 2, 2: -2, 3: 0, 4: 0 })
    const steps = [
      candidates([1, 2], [0, 0]),
      candidates([3, 4], [0, 0]),
      candidates([3], [0]),
      candidates([1, 2, 3], [3, 2, 1.9]),
    ]
    await through(steps, batchRewardPruned({ reward, weight: -1, reach: 1, warmUp: 2 }))
    expect(calls.at(-1)).toEqual([1, 2])
  })

  it('keeps sequences apart', async () => {
    const { calls, reward } = asked({ 1: 0, 2: 0 })
    const step = candidates([1, 2], [5, 0])
    const other = { ...step, sequence: { ...step.sequence, key: {} } }
    await through([step, step, other], batchRewardPruned({ reward, weight: 1, warmUp: 1 }))
    expect(calls).toEqual([[1, 2], [1], [1, 2]])
  })

  it('drops the existing rewards of dropped candidates', async () => {
    const { reward } = asked({ 1: 0, 2: 0 })
    const step = rewarded(candidates([1, 2], [5, 0]), { other: [7, 8] })
    const out = await through([step, step], batchRewardPruned({ reward, weight: 1, warmUp: 1 }))
    expect(out[1]).toEqual(rewarded(candidates([1], [5]), { other: [7], safety: [0] }))
  })

  it('keeps the choice of full scoring if no reward exceeds the reach', async () => {
    const numbers = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 2, maxLength: 12 })
    const setting = fc.record({ gaps: numbers, rewards: numbers, weight: fc.double({ min: -2, max: 2, noNaN: true }) })
    const choice = ({ scores, tokenIds }: Candidates, rewards: Float32Array, weight: number): number => {
      const total = scores.map((score, i) => score + weight * rewards[i]!)
      return tokenIds[total.indexOf(Math.max(...total))]!
    }
    await fc.assert(
      fc.asyncProperty(setting, async ({ gaps, rewards, weight }) => {
        const logits = gaps.toSorted((a, b) => b - a)
        const given = Float32Array.from(logits, (_, i) => rewards[i % rewards.length]!)
        const step = candidates([...logits.keys()], logits)
        const { reward } = asked({ ...given })
        // n numbers lie within 2 * sqrt(n) deviations of each other.
        const operator = batchRewardPruned({ reward, weight, reach: 2 * Math.sqrt(logits.length) + 1e-3, warmUp: 1 })
        const [, out] = await through([step, step], operator)
        expect(choice(out!, out!.rewards.safety!, weight)).toBe(choice(step, given, weight))
      }),
    )
  })

  it("refuses invalid options, and passes on the reward's errors", async () => {
    const { reward } = asked({})
    expect(() => batchRewardPruned({ reward: undefined, weight: 1 })).toThrow('Expected `reward` to be a reward')
    expect(() => batchRewardPruned({ reward, weight: Number.NaN })).toThrow('Expected `weight` to be a finite number')
    expect(() => batchRewardPruned({ reward, weight: 1, reach: -1 })).toThrow('Expected `reach` to be a number >= 0')
    expect(() => batchRewardPruned({ reward, weight: 1, warmUp: 0 })).toThrow('Expected `warmUp` to be an integer >= 1')
    await expect(through([candidates([1, 2], [1, 0])], batchRewardPruned({ reward, weight: 1 }))).rejects.toThrow(
      'gave `NaN` (number) for candidate 0 (token 1)',
    )
  })

  it(
    'keeps the order of steps and unsubscribes from the source',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const { reward } = asked({ 1: 0, 2: 0 })
      const [c, d] = [candidates([1], [1]), candidates([2], [1])]
      const source = cold('cd--|', { c, d })
      const [o, p] = [c, d].map((step) => rewarded(step, { safety: [0] }))
      expectObservable(source.pipe(batchRewardPruned({ reward, weight: 1 })), '^--!').toBe('op', { o, p })
      expectSubscriptions(source.subscriptions).toBe('^--!')
    }),
  )
})
