import { expect } from 'vitest'
import { pairSizes, writeRandomPair } from '../../src/models/checkpoint/writeRandomPair.js'
import { call, type DeviceEngine, deviceEngine } from './deviceEngine.js'

/** A pair whose vocabulary is no multiple of the rows of a part. */
export const writePair = (folder: string): Promise<void> =>
  writeRandomPair(
    folder,
    pairSizes.parse({ d: 64, layers: 2, heads: 4, kv: 2, ffn: 128, vocab: 403, prompts: 1, 'prompt-tokens': '5' }),
  )

/** With these most bytes of a weight the named matrices are cut: rows of 64 numbers have 256 bytes in fp32 and 32 in q4. */
export const LIMITS = [
  { model: 'lm', dtype: 'fp32', largest: 20_000, cut: ['embed_tokens.weight', 'lm_head.weight', 'mlp.down_proj.weight'] },
  { model: 'lm', dtype: 'q4', largest: 8192, cut: ['embed_tokens.weight', 'lm_head.weight.q4', 'lm_head.weight.q4.scales'] },
  { model: 'reward', dtype: 'fp32', largest: 20_000, cut: ['embed_tokens.weight', 'mlp.up_proj.weight'] },
] as const

/** Tokens of the first and the last row of parts, and others. */
const PROMPTS = [[0, 66, 67, 68, 402, 401, 335], [5, 134, 133, 200], [399]]

/** Prompts and trees of candidates. Tokens that the model lacks are left out. */
async function answers({ engine, vocabSize }: DeviceEngine): Promise<number[][]> {
  const own = (tokenIds: readonly number[]) => [7, ...tokenIds.filter((tokenId) => tokenId < vocabSize)]
  const prompts = await engine.run(PROMPTS.map((tokenIds, key) => call(key, own(tokenIds))))
  const branches = own([402, 0, 67, 66]).map((tokenId) => [tokenId])
  const trees = await engine.run(PROMPTS.map((tokenIds, key) => call(key, own(tokenIds), { branches })))
  return [...prompts, ...trees].map(({ values }) => [...values])
}

/** Expects a model with weights of at most `largest` bytes to give what it gives with whole ones, within `most`, and to have cut the named ones. */
export async function expectSameInParts(
  folder: string,
  { dtype, largest, cut }: Readonly<{ dtype: 'fp32' | 'fp16' | 'q4'; largest: number; cut: readonly string[] }>,
  { arrays, most }: Readonly<{ arrays: boolean; most: number }>,
): Promise<void> {
  const whole = await deviceEngine(folder, { dtype, arrays })
  const parts = await deviceEngine(folder, { dtype, arrays, largest })
  const isCut = ({ graph }: DeviceEngine, name: string) => Buffer.from(graph.model).includes(`${name}/rows/`)
  try {
    for (const name of cut) expect([name, isCut(whole, name), isCut(parts, name)]).toEqual([name, false, true])
    const [expected, found] = [await answers(whole), await answers(parts)]
    for (const [i, values] of found.entries())
      for (const [j, value] of values.entries()) expect(Math.abs(value - expected[i]![j]!)).toBeLessThanOrEqual(most)
  } finally {
    await whole.close()
    await parts.close()
  }
}
