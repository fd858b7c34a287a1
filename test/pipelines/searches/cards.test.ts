import { describe, expect, it } from 'vitest'
import { topKSampling } from '../../../pipelines/decoders/topKSampling.js'
import { generate } from '../../../pipelines/run/generate.js'
import { bestOfN } from '../../../pipelines/searches/bestOfN.js'
import { cards } from '../../../pipelines/searches/cards.js'
import type { RewardCall } from '../../../src/core/batched.js'
import { OptionError } from '../../../src/core/errors.js'
import { cancelAfter, fakeLm, fakeModels, fakeRm, promptsOf, rowsOf, settled } from '../../fakes.js'

const prompts = ['one', 'two', 'three', 'four', 'five']
const settings = { maxNewTokens: 12, concurrency: 3 }
const models = () => fakeModels(fakeLm({ endLogit: 0.5 }))
/** Above every entropy and every reward. */
const [noCut, noReward] = [1000, 1000]

/** Lengths of one prompt's replies at which the search read the reward. */
async function lengthsRead(options: Parameters<typeof cards>[0], maxNewTokens: number): Promise<number[]> {
  const lengths: number[] = []
  const rm = fakeRm()
  const run = async (calls: readonly RewardCall[]) => {
    for (const { tokenIds } of calls) lengths.push(tokenIds.length - 'one'.length)
    return rm.run(calls)
  }
  await rowsOf(generate(promptsOf(['one']), cards(options), fakeModels(fakeLm(), [{ ...rm, run }]), { maxNewTokens }))
  return lengths
}

describe('cards', () => {
  it('equals sampling if every segment is accepted', async () => {
    const all = await rowsOf(generate(promptsOf(prompts), cards({ rewardThreshold: -1000 }), models(), settings))
    expect(settled(all)).toEqual(settled(await rowsOf(generate(promptsOf(prompts), topKSampling(), models(), settings))))
  })

  it('equals best of n if no segment is accepted or cut', async () => {
    const search = cards({ entropyThreshold: noCut, rewardThreshold: noReward, proposals: 5 })
    const best = await rowsOf(generate(promptsOf(prompts), search, models(), settings))
    expect(settled(best)).toEqual(settled(await rowsOf(generate(promptsOf(prompts), bestOfN({ n: 5 }), models(), settings))))
  })

  it('cuts segments of 4 to 64 tokens, and the last one at the end of the reply', async () => {
    const accepted = { rewardThreshold: -1000 }
    expect(await lengthsRead({ ...accepted, entropyThreshold: 0 }, 10)).toEqual([0, 4, 8, 10, 10])
    expect(await lengthsRead({ ...accepted, entropyThreshold: noCut }, 130)).toEqual([0, 64, 128, 130, 130])
    const lengths = await lengthsRead({ ...accepted, entropyThreshold: 3.4 }, 40)
    expect(lengths.length).toBeGreaterThan(4)
    expect(lengths.length).toBeLessThan(12)
  })

  it('proposes the given number of segments, then keeps the best', async () => {
    const never = { rewardThreshold: noReward, entropyThreshold: 0, proposals: 3 }
    expect(await lengthsRead(never, 8)).toEqual([0, 4, 4, 4, 8, 8, 8, 8])
  })

  it("raises its threshold from the prompt's reward to the reward threshold", async () => {
    // All rewards are 0, so only the threshold decides: 0 at the prompt, 40 after 8 tokens.
    const zero = { ...fakeRm(), run: async (calls: readonly RewardCall[]) => calls.map(() => Float32Array.of(0)) }
    const asked: number[] = []
    const rm = {
      ...zero,
      run: async (calls: readonly RewardCall[]) => {
        for (const { tokenIds } of calls) asked.push(tokenIds.length - 'one'.length)
        return zero.run(calls)
      },
    }
    const rising = { rewardThreshold: 40, alpha: 0, beta: 0.001, entropyThreshold: 0, proposals: 2 }
    const settings = { maxNewTokens: 12 }
    await rowsOf(generate(promptsOf(['one']), cards({ ...rising, rampTokens: 1e9 }), fakeModels(fakeLm(), [rm]), settings))
    expect(asked).toEqual([0, 4, 8, 12, 12])
    asked.length = 0
    await rowsOf(generate(promptsOf(['one']), cards({ ...rising, rampTokens: 8 }), fakeModels(fakeLm(), [rm]), settings))
    expect(asked).toEqual([0, 4, 4, 8, 8, 12, 12, 12])
  })

  it('gives the same reply at any concurrency, another one for another sample, and frees all caches', async () => {
    const [lm, rm] = [fakeLm({ maxBatch: 2, endLogit: 0.5 }), fakeRm({ maxBatch: 3 })]
    const search = cards({ rewardThreshold: 2, entropyThreshold: 3.3 })
    const two = { ...settings, samples: 2 }
    const alone = settled(await rowsOf(generate(promptsOf(prompts), search, fakeModels(lm, [rm]), { ...two, concurrency: 1 })))
    const together = await rowsOf(generate(promptsOf(prompts), search, models(), { ...two, concurrency: 5 }))
    expect(settled(together)).toEqual(alone)
    expect([lm.held.size, rm.held.size]).toEqual([0, 0])
    expect(alone[0]!.tokenIds).not.toEqual(alone[1]!.tokenIds)
  })

  it('frees its caches on cancellation and failure', async () => {
    const rm = fakeRm()
    const left = await cancelAfter(60, (lm) => generate(promptsOf(prompts), cards(), fakeModels(lm, [rm]), { maxNewTokens: 500 }))
    expect([left.held.size, rm.held.size]).toEqual([0, 0])

    const failing = fakeLm({ maxBatch: 1, fails: (ids) => String.fromCharCode(...ids).startsWith('two') && ids.length > 6 })
    const rows = await rowsOf(generate(promptsOf(prompts), cards(), fakeModels(failing, [rm]), settings))
    expect(settled(rows).map(({ finishReason }) => finishReason)).toEqual(['length', 'error', 'length', 'length', 'length'])
    expect([failing.held.size, rm.held.size]).toEqual([0, 0])
  })

  it('has its options in the spec, and refuses invalid ones', () => {
    const { spec } = generate(promptsOf([]), cards({ proposals: 3 }), fakeModels()).meta
    const thresholds = { entropyThreshold: 3, rewardThreshold: 8.5, alpha: 0.5, beta: 0.7, rampTokens: 128 }
    expect(spec.decoder).toEqual({
      steps: [{ cards: { k: 40, temperature: 0.7, p: 1, ...thresholds, proposals: 3, reward: 'fake' } }],
    })
    expect(() => generate(promptsOf([]), cards(), fakeModels(fakeLm(), []))).toThrow(OptionError)
    for (const wrong of [{ beta: 0 }, { alpha: 2 }, { proposals: 0 }, { rampTokens: 0 }, { rewardThreshold: Number.NaN }])
      expect(() => generate(promptsOf([]), cards(wrong), fakeModels())).toThrow(OptionError)
  })
})
