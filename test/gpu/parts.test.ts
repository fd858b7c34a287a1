import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { tempFolder } from '../tempFolder.js'
import { deviceEngine, goldenFolder } from './deviceEngine.js'
import { WITHIN } from './nearness.js'
import { expectSameInParts, LIMITS, writePair } from './partsCases.js'

describe('weights larger than a tensor of the device, on the CPU provider', () => {
  let folder: string
  tempFolder((path) => {
    folder = path
  })

  it.each(LIMITS)('give in parts what they give as a whole: $model, $dtype', async ({ model, ...limit }) => {
    await writePair(folder)
    await expectSameInParts(join(folder, model), limit, { arrays: true, most: 2e-6 })
  })

  it('are read in parts from a file of 16-bit numbers', async () => {
    const limit = { dtype: 'fp32', largest: 20_000, cut: ['model.embed_tokens.weight'] } as const
    await expectSameInParts(join(goldenFolder('qwen2'), 'lm'), limit, { arrays: true, most: 2e-6 })
  })

  it.each([
    { largest: 20_000, cut: ['model.embed_tokens.weight', 'lm_head.weight'], most: 2e-6 },
    // A sum in another order may be rounded to another 16-bit number.
    { largest: 12_000, cut: ['model.layers.0.mlp.down_proj.weight'], most: WITHIN },
  ])('are cut in fp16: $cut', async ({ most, ...limit }) => {
    await writePair(folder)
    await expectSameInParts(join(folder, 'lm'), { dtype: 'fp16', ...limit }, { arrays: true, most })
  })

  it('are refused by name if the file has them in columns', async () => {
    await expect(deviceEngine(join(goldenFolder('gpt2'), 'lm'), { arrays: true, largest: 4096 })).rejects.toThrow(
      /^Expected tensor `.*c_attn\.weight` to have at most 4096 bytes on a GPU, got \d+\. Use `device` cpu$/,
    )
  })
})
