import { asyncScheduler, delay, lastValueFrom, map, of, tap } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { batchReward } from '../../../operators/batchReward.js'
import { combineScore } from '../../../operators/combineScore.js'
import { selectGreedy } from '../../../operators/selectGreedy.js'
import { topK } from '../../../operators/topK.js'
import { trace } from '../../../operators/trace.js'
import { args } from '../../../pipelines/decoders/args.js'
import { steps } from '../../../pipelines/decoding/steps.js'
import { type OperatorTime, timed } from '../../../pipelines/decoding/timed.js'
import { generate } from '../../../pipelines/run/generate.js'
import type { Reward } from '../../../src/core/model.js'
import type { Decoder, DecoderModels, StepOperator } from '../../../src/core/step.js'
import { fakeModels, promptsOf, rowsOf, settled } from '../../fakes.js'
import { logitsStep, marbles } from '../../marbles.js'

const reward: Reward = {
  name: 'short',
  score: (_, ids) => of(Float32Array.from(ids, (id) => -id)).pipe(delay(5)),
  value: () => of(0),
}
const models = { reward, rewards: new Map([['short', reward]]) } as unknown as DecoderModels
const bare: Decoder = () => steps(topK({ k: 2 }), selectGreedy()).bind(null) as StepOperator

describe('timed', () => {
  it(
    'reports the time of a step in each operator, including waits, without later operators',
    marbles(({ cold, expectObservable, flush }) => {
      const told: (readonly OperatorTime[])[] = []
      const decoder = () => steps(topK({ k: 2 }), batchReward({ reward }), combineScore({ weight: 1 }), selectGreedy())
      // In a marble test the scheduler's time is virtual.
      const clock = () => asyncScheduler.now()
      const operator = timed(decoder, { clock, onStep: (times) => told.push(times) })(models)
      expectObservable(
        cold('-l|', { l: logitsStep(1, 2) }).pipe(
          operator,
          map(({ tokenId }) => tokenId),
        ),
      ).toBe('------(t|)', { t: 1 })
      flush()
      expect(told).toEqual([
        [
          { operator: 'topK', ms: 0 },
          { operator: 'batchReward', ms: 5 },
          { operator: 'combineScore', ms: 0 },
          { operator: 'selectGreedy', ms: 0 },
        ],
      ])
    }),
  )

  it("includes the reward's time, and starts anew with each step", async () => {
    let now = 0
    const costly: Reward = {
      ...reward,
      score: (_, ids) =>
        of(Float32Array.from(ids)).pipe(
          tap(() => {
            now += 7
          }),
        ),
    }
    const told: (readonly OperatorTime[])[] = []
    const operator = timed(
      () => steps(topK({ k: 2 }), trace({ onStep: () => now++ }), batchReward({ reward: costly }), selectGreedy()),
      {
        clock: () => now,
        onStep: (times) => told.push(times),
      },
    )(models)
    for (let step = 0; step < 2; step++) await lastValueFrom(of(logitsStep(1, 2)).pipe(operator))
    const times = ['topK', 'trace', 'batchReward', 'selectGreedy'].map((name, index) => ({
      operator: name,
      ms: [0, 1, 7, 0][index],
    }))
    expect(told).toEqual([times, times])
  })

  it('decodes the same rows under the same spec', async () => {
    const run = (decoder: Decoder) => generate(promptsOf(['a', 'b c']), decoder, fakeModels(), { maxNewTokens: 5 })
    let told = 0
    const own = timed(args({ k: 4 }), { clock: () => 0, onStep: (times) => (told += times.length) })
    expect(run(own).meta).toEqual(run(args({ k: 4 })).meta)
    const rows = await rowsOf(run(own))
    expect(settled(rows)).toEqual(settled(await rowsOf(run(args({ k: 4 })))))
    expect(told).toBe(4 * rows.reduce((sum, { completionTokens }) => sum + completionTokens!, 0))
  })

  it('times a decoder without steps as one operator', async () => {
    const told: (readonly OperatorTime[])[] = []
    const operator = timed(bare, { clock: () => 0, onStep: (times) => told.push(times) })(models)
    expect(operator.need).toBe('all')
    await lastValueFrom(of(logitsStep(1, 2)).pipe(operator))
    expect(told).toEqual([[{ operator: 'custom', ms: 0 }]])
  })
})
