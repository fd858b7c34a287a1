import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { toHalves } from '../../src/models/checkpoint/weights/half.js'
import type { Golden } from '../goldenCases.js'
import { call, deviceEngine, goldenFolder } from './deviceEngine.js'

/** The same as the tolerance of the golden files' own comparison, for 11 bits of precision. */
const WITHIN = 2e-2

/**
 * The graph in fp16 on the CPU provider, which computes nodes without kernels for fp16 in fp32. The families have rotary and learned positions, shared
 * keys, soft caps, sliding windows, positions by length, norms of heads, biases, and all three activations.
 */
describe.each(['grouped', 'gemma2', 'phi3', 'gpt2', 'qwen3', 'opt', 'gpt_neox'])('%s in fp16', (name) => {
  it('gives the logits and rewards of fp32 within 2e-2, and chooses the same tokens', async () => {
    const folder = goldenFolder(name)
    const golden = JSON.parse(await readFile(join(folder, 'golden.json'), 'utf8')) as Golden
    const lm = await deviceEngine(join(folder, golden.lm), { dtype: 'fp16', arrays: true })
    const reward = await deviceEngine(join(folder, golden.reward), { dtype: 'fp16', arrays: true })
    let [worst, steps, agree] = [0, 0, 0]
    try {
      for (const [key, { promptTokenIds, tokenIds, steps: expected, weight = 0 }] of golden.cases.entries())
        for (const [t, { candidateIds, logits, rewards, index }] of expected.entries()) {
          const before = [...promptTokenIds, ...tokenIds.slice(0, t)]
          const [{ values }] = (await lm.engine.run([call(key, before)])) as [{ values: Float32Array }]
          const branches = candidateIds.map((tokenId) => [tokenId])
          const scored = rewards ? (await reward.engine.run([call(key, before, { branches })]))[0]!.values : undefined
          const scores = candidateIds.map((tokenId, c) => values[tokenId]! + weight * (scored?.[c] ?? 0))
          for (const [c, tokenId] of candidateIds.entries()) {
            worst = Math.max(worst, Math.abs(values[tokenId]! - logits[c]!) / Math.max(1, Math.abs(logits[c]!)))
            if (rewards) worst = Math.max(worst, Math.abs(scored![c]! - rewards[c]!) / Math.max(1, Math.abs(rewards[c]!)))
          }
          steps++
          if (scores.indexOf(Math.max(...scores)) === index) agree++
        }
      console.log(name, worst, agree, steps)
      expect(worst).toBeLessThan(WITHIN)
      expect(agree).toBe(steps)
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
