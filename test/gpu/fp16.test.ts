import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { toHalves } from '../../src/models/checkpoint/weights/half.js'
import type { Golden } from '../goldenCases.js'
import { call, type DeviceEngine, deviceEngine, goldenFolder } from './deviceEngine.js'

/** Largest differences from fp32, relative above 1. Rewards of these random models come from heads with large weights. */
const WITHIN = { logits: 2e-2, rewards: 6e-2 }

/** Where the best score is ahead of the second by this much, fp16 has to choose the same token. */
const CLEAR = 0.1

/**
 * The graph in fp16 on the CPU provider, which computes nodes without kernels for fp16 in fp32. The families have rotary and learned positions, shared
 * keys, soft caps, sliding windows, positions by length, norms of heads, biases, and all three activations.
 */
describe.each(['grouped', 'gemma2', 'phi3', 'gpt2', 'qwen3', 'opt', 'gpt_neox'])('%s in fp16', (name) => {
  it('gives the logits and rewards of fp32 within the bounds, and chooses the same tokens', async () => {
    const folder = goldenFolder(name)
    const golden = JSON.parse(await readFile(join(folder, 'golden.json'), 'utf8')) as Golden
    const cases = golden.cases.filter(({ decoder }) => decoder === 'args').slice(0, 2)
    const lm = await deviceEngine(join(folder, golden.lm), { dtype: 'fp16', arrays: true })
    const reward = await deviceEngine(join(folder, golden.reward), { dtype: 'fp16', arrays: true })
    const read = async ({ engine }: DeviceEngine, ...[key, tokenIds, more]: Parameters<typeof call>) =>
      (await engine.run([call(key, tokenIds, more)]))[0]!.values
    const differences = (found: readonly number[], expected: readonly number[]) =>
      found.map((value, c) => Math.abs(value - expected[c]!) / Math.max(1, Math.abs(expected[c]!)))
    try {
      for (const [key, { promptTokenIds, tokenIds, steps, weight = 0 }] of cases.entries())
        for (const [t, { candidateIds, logits, rewards, index, margin }] of steps.entries()) {
          const before = [...promptTokenIds, ...tokenIds.slice(0, t)]
          const all = await read(lm, key, before)
          const own = candidateIds.map((tokenId) => all[tokenId]!)
          const scored = [...(await read(reward, key, before, { branches: candidateIds.map((tokenId) => [tokenId]) }))]
          expect(Math.max(...differences(own, logits))).toBeLessThan(WITHIN.logits)
          expect(Math.max(...differences(scored, rewards!))).toBeLessThan(WITHIN.rewards)
          const scores = own.map((logit, c) => logit + weight * scored[c]!)
          if (margin > CLEAR) expect(scores.indexOf(Math.max(...scores)), `${name} ${key} ${t}`).toBe(index)
        }
      expect(lm.graph.shape.half).toBe(true)
    } finally {
      await lm.close()
      await reward.close()
    }
  })
})

describe('toHalves', () => {
  it.each([
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65_504, 0x7bff],
    [65_519, 0x7bff],
    [65_520, 0x7c00],
    [-1e9, 0xfc00],
    [Number.POSITIVE_INFINITY, 0x7c00],
    [Number.NaN, 0x7e00],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [3 * 2 ** -25, 0x0002],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [2 - 2 ** -12, 0x4000],
  ])('rounds %d to the nearest half', (number, half) => expect(toHalves(Float32Array.of(number))[0]).toBe(half))
})
