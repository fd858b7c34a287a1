import { copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readSafetensors } from '../../src/models/checkpoint/weights/safetensors.js'
import { readValues } from '../../src/models/checkpoint/weights/storedTensor.js'
import { pairSizes, writeRandomPair, writeSafetensors } from '../../src/models/checkpoint/writeRandomPair.js'
import { quantize } from '../../src/models/graph/quantize.js'
import { dequantized } from '../dequantized.js'
import { useSoftwareGpu, WITHOUT_GPU } from '../softwareGpu.js'
import { expectClose, rowsOfPair, SLOW } from './tracedRows.js'

beforeEach((context) => context.skip(WITHOUT_GPU !== undefined, WITHOUT_GPU))

/** Copies a model with the linear layers that q8 and q4 round replaced by what their codes stand for, in fp32. */
async function writeDequantized(from: string, to: string, bits: 4 | 8): Promise<void> {
  await mkdir(to, { recursive: true })
  for (const name of await readdir(from)) if (name.endsWith('.json')) await copyFile(join(from, name), join(to, name))
  const { entries } = await readSafetensors(from)
  const isRounded = (name: string) => /_proj\.weight$|^lm_head\.weight$/.test(name)
  const tensors = await Promise.all(
    [...entries].map(async ([name, tensor]) => {
      const values = await readValues(tensor)
      return [name, tensor.shape, isRounded(name) ? dequantized(quantize(values, bits), bits) : values] as const
    }),
  )
  await writeSafetensors(
    join(to, 'model.safetensors'),
    tensors.map(([name, shape]) => [name, shape] as const),
    (_, index) => tensors[index]![2],
  )
}

/** As src/models/README.md says: a GPU computes with the weights that the codes stand for, in fp32, so only sums in another order differ. */
const BOUND = { logits: 1e-5, rewards: 1e-5 }

describe('rounded weights on a GPU', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rxargs-rounded-'))
    const sizes = { d: 64, layers: 2, heads: 4, kv: 2, ffn: 128, vocab: 1500, prompts: 4, 'prompt-tokens': '7+70+20' }
    await writeRandomPair(folder, pairSizes.parse(sizes))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.each([
    ['q4', 4],
    ['q8', 8],
  ] as const)(
    '%s gives tokens, logits and rewards of trees of its weights in fp32, and not those of the weights before',
    async (dtype, bits) => {
      useSoftwareGpu()
      const exact = join(folder, dtype)
      for (const model of ['lm', 'reward']) await writeDequantized(join(folder, model), join(exact, model), bits)
      await copyFile(join(folder, 'prompts.jsonl'), join(exact, 'prompts.jsonl'))
      const expected = await rowsOfPair(exact, { device: 'cpu' })
      expectClose(await rowsOfPair(folder, { device: 'webgpu', dtype }), expected, BOUND)
      const before = await rowsOfPair(folder, { device: 'cpu' })
      expect(before.map(({ reward }) => reward)).not.toEqual(expected.map(({ reward }) => reward))
    },
    SLOW,
  )
})
