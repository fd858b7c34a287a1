import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BatchedRewardModel, RewardCall } from '../../../../../src/core/batched.js'
import { batchedRewardModel } from '../../../../../src/models/batchedModels.js'
import { type LoadedModel, loadModel } from '../../../../../src/models/loadModel.js'

const folder = fileURLToPath(new URL('../../../../../data/golden/vocabulary/reward', import.meta.url))
const tokens = (length: number, salt: number) => Array.from({ length }, (_, i) => 3 + ((i * i * 7 + i * salt + salt) % 270))

describe('a vocabulary head as a reward', () => {
  let loaded: LoadedModel
  let reward: BatchedRewardModel
  beforeAll(async () => {
    loaded = await loadModel(folder, { head: 'reward', role: 'reward', threads: 1 })
    reward = batchedRewardModel('arm', loaded, 64)
  })
  afterAll(() => loaded.worker.close())

  const run = async (call: Omit<RewardCall, 'key'>, key: object = {}) => (await reward.run([{ key, ...call }]))[0]!

  /** Log-probability of a reply as the sum over its tokens, each asked for by itself. */
  async function stepByStep(prompt: readonly number[], reply: readonly number[], key: object): Promise<number> {
    let sum = 0
    for (const [i, tokenId] of reply.entries())
      sum += (await run({ tokenIds: [...prompt, ...reply.slice(0, i)], branches: [[7], [tokenId]] }, key))[1]!
    return sum
  }

  it.each([
    [5, 3],
    [1, 1],
    [64, 10],
    [70, 130],
  ])('scores a reply after %i prompt tokens by the sum over its %i tokens, from any cache', async (before, length) => {
    const [prompt, reply] = [tokens(before, 5), tokens(length, 11)]
    const key = {}
    const summed = await stepByStep(prompt, reply, key)
    const whole = { tokenIds: prompt, branches: [reply] }
    for (const value of [await run(whole, key), await run(whole, key), await run(whole)]) {
      expect(value).toHaveLength(1)
      expect(Math.abs(value[0]! - summed)).toBeLessThan(1e-5 * Math.abs(summed))
    }
  })

  it('gives probabilities that sum to one over the vocabulary', async () => {
    const all = await run({ tokenIds: tokens(9, 3), branches: Array.from({ length: 280 }, (_, id) => [id]) })
    expect(all.reduce((sum, logprob) => sum + Math.exp(logprob), 0)).toBeCloseTo(1, 5)
  })

  it('scores replies of several lengths at once, and an empty one by 0', async () => {
    const tokenIds = tokens(40, 2)
    const branches = [tokens(3, 1), [], tokens(1, 9), tokens(80, 4)]
    const values = await run({ tokenIds, branches })
    expect(values[1]).toBe(0)
    for (const [i, branch] of branches.entries())
      expect(values[i]).toBeCloseTo((await run({ tokenIds, branches: [[], branch] }))[1]!, 4)
    expect(await run({ tokenIds, branches: [[]] })).toEqual(Float32Array.of(0))
  })

  it('gives a call the same bits alone and in a batch', async () => {
    const calls = Array.from({ length: 9 }, (_, i) => ({
      tokenIds: tokens(3 + 17 * i, i),
      branches: [tokens(1 + 13 * i, i + 4)],
    }))
    const batch = await reward.run(calls.map((call) => ({ key: {}, ...call })))
    for (const [i, call] of calls.entries()) expect(await run(call)).toEqual(batch[i])
  })

  it('refuses a reply that does not fit its context', async () => {
    await expect(run({ tokenIds: tokens(500, 1), branches: [tokens(13, 1)] })).rejects.toThrow(/1 to 512 tokens/)
  })
})
