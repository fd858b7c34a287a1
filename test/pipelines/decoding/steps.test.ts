import { lastValueFrom, type MonoTypeOperatorFunction, map, of } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { batchReward } from '../../../operators/batchReward.js'
import { combineScore } from '../../../operators/combineScore.js'
import { sampleTemperature } from '../../../operators/sampleTemperature.js'
import { selectGreedy } from '../../../operators/selectGreedy.js'
import { temperature } from '../../../operators/temperature.js'
import { topK } from '../../../operators/topK.js'
import { topP } from '../../../operators/topP.js'
import { steps } from '../../../pipelines/decoding/steps.js'
import { described } from '../../../src/core/described.js'
import type { Reward } from '../../../src/core/model.js'
import type { Candidates, LogitsStep, Rewarded } from '../../../src/core/step.js'
import { logitsStep } from '../../marbles.js'

const reward: Reward = { name: 'short', score: (_, ids) => of(Float32Array.from(ids, (id) => -id)), value: () => of(0) }

describe('steps', () => {
  it('composes operators in their order', async () => {
    const decoder = steps(topK({ k: 3 }), batchReward({ reward }), combineScore({ weight: 10 }), selectGreedy())
    const step = await lastValueFrom(of(logitsStep(1, 2, 3, 4)).pipe(decoder))
    expect(step).toMatchObject({ tokenId: 1, index: 2 })
    expect([...step.tokenIds]).toEqual([3, 2, 1])
    expect([...step.scores]).toEqual([4 - 30, 3 - 20, 2 - 10])
  })
  it('derives the spec from the operators', () => {
    const decoder = steps(
      topK({ k: 3 }),
      batchReward({ reward }),
      combineScore({ weight: 10 }),
      sampleTemperature({ temperature: 0.5 }),
    )
    expect(decoder.spec).toEqual({
      steps: [
        { topK: { k: 3 } },
        { batchReward: { reward: 'short' } },
        { combineScore: { weight: 10 } },
        { sampleTemperature: { temperature: 0.5 } },
      ],
    })
  })
  it('has the need of its first operator that selects, and needs all logits for a custom one', () => {
    expect(steps(topK({ k: 7 }), selectGreedy()).need).toBe(7)
    expect(steps(temperature({ temperature: 2 }), topK({ k: 7 }), selectGreedy()).need).toBe(7)
    expect(steps(topP({ p: 0.9 }), selectGreedy()).need).toBe('all')
    const own = steps(
      map((step: LogitsStep) => step),
      topK({ k: 7 }),
      selectGreedy(),
    )
    expect(own.need).toBe('all')
    expect(own.spec).toEqual({ steps: [{ custom: {} }, { topK: { k: 7 } }, { selectGreedy: {} }] })
  })
  it('keeps custom fields', async () => {
    const decoder = steps(
      map((step: LogitsStep) => ({ ...step, note: 'kept' })),
      topK({ k: 1 }),
      batchReward({ reward }),
      selectGreedy(),
      map((step) => ({ ...step, note: step.note.toUpperCase() })),
    )
    expect(await lastValueFrom(of(logitsStep(1, 2)).pipe(decoder))).toMatchObject({ note: 'KEPT', tokenId: 1 })
  })
})

/** What an operator of the user's own makes of candidates. */
type Change = (step: Candidates) => unknown

describe('an operator of your own', () => {
  const decoded = (change: Change) => {
    const own = described({ name: 'mine', options: {} }, map(change)) as MonoTypeOperatorFunction<Candidates>
    return lastValueFrom(of(logitsStep(1, 2, 3, 4)).pipe(steps(topK({ k: 3 }), own, selectGreedy())))
  }
  const lengths = 'Expected operator `mine` to keep `tokenIds`, `tokenLogits` and `scores` of one length, got '
  it.each<[string, Change, string]>([
    ['nothing', () => undefined, 'Expected operator `mine` to return a step with all fields of the one before, got nothing'],
    ['its scores alone', ({ scores }) => ({ scores }), 'to return a step with all fields of the one before, got `{"scores":'],
    ['no scores', ({ scores: _, ...step }) => step, `${lengths}3, 3, none`],
    ['too few scores', (step) => ({ ...step, scores: step.scores.slice(1) }), `${lengths}3, 3, 2`],
    ['too many scores', (step) => ({ ...step, scores: new Float32Array(4) }), `${lengths}3, 3, 4`],
    ['fewer ids than scores', (step) => ({ ...step, tokenIds: step.tokenIds.slice(1) }), `${lengths}2, 3, 3`],
  ])('is named in the error if it returns %s', async (_, change, message) => {
    await expect(decoded(change)).rejects.toThrow(message)
  })
  it('is named in the error if it drops candidates and keeps their rewards', async () => {
    const own = described(
      { name: 'mine', options: {} },
      map((step: Rewarded) => {
        const { tokenIds, tokenLogits, scores } = step
        return { ...step, tokenIds: tokenIds.slice(1), tokenLogits: tokenLogits.slice(1), scores: scores.slice(1) }
      }),
    )
    const decoder = steps(topK({ k: 3 }), batchReward({ reward }), own, selectGreedy())
    await expect(lastValueFrom(of(logitsStep(1, 2, 3, 4)).pipe(decoder))).rejects.toThrow(
      'to keep `tokenIds`, `tokenLogits`, `scores` and `rewards.short` of one length, got 2, 2, 2, 3',
    )
  })
  it('may drop candidates with all of their numbers', async () => {
    const last = (list: Candidates['scores']) => list.slice(2)
    const change: Change = (step) => ({
      ...step,
      tokenIds: step.tokenIds.slice(2),
      tokenLogits: last(step.tokenLogits),
      scores: last(step.scores),
    })
    expect(await decoded(change)).toMatchObject({ tokenId: 1, index: 0 })
  })
})

it('takes twelve operators', async () => {
  const warm = () => temperature<LogitsStep>({ temperature: 1 })
  const decoder = steps(
    warm(),
    warm(),
    warm(),
    warm(),
    warm(),
    warm(),
    warm(),
    topK({ k: 3 }),
    batchReward({ reward }),
    combineScore({ weight: 10 }),
    map((step) => ({ ...step, note: Object.keys(step.rewards) })),
    selectGreedy(),
  )
  expect(await lastValueFrom(of(logitsStep(1, 2, 3, 4)).pipe(decoder))).toMatchObject({ tokenId: 1, note: ['short'] })
})

/** Never called: the compiler is the test. Each marked line has to be an error, or `npm run types` fails. */
export const wrongOrders = () => {
  // @ts-expect-error rewards need candidates
  steps(batchReward({ reward }), topK({ k: 1 }), selectGreedy())
  // @ts-expect-error there are no rewards to combine
  steps(topK({ k: 1 }), combineScore({ weight: 1 }), selectGreedy())
  // @ts-expect-error the logits are gone after the first topK
  steps(topK({ k: 5 }), topK({ k: 1 }), selectGreedy())
  // @ts-expect-error the logits are gone after topK
  steps(topK({ k: 5 }), topP({ p: 0.9 }), selectGreedy())
  // @ts-expect-error nothing to select from
  steps(selectGreedy())
  // @ts-expect-error no token is chosen
  steps(topK({ k: 5 }), batchReward({ reward }))
  // @ts-expect-error the choice comes last
  steps(topK({ k: 5 }), selectGreedy(), topK({ k: 1 }))
}
