import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Models } from '../../src/core/run.js'
import { pairSizes, writeRandomPair } from '../../src/models/checkpoint/writeRandomPair.js'
import { loadModels } from '../../src/models/loadModels.js'
import type { SessionRun } from '../../src/models/runtime/watch.js'
import { expectGolden, type Golden } from '../goldenCases.js'
import { useSoftwareGpu, WITHOUT_GPU } from '../softwareGpu.js'
import { tempFolder } from '../tempFolder.js'
import { goldenFolder } from './deviceEngine.js'
import { loadPair, rowsOfPair, SLOW, tracedRows } from './tracedRows.js'

beforeEach((context) => context.skip(WITHOUT_GPU !== undefined, WITHOUT_GPU))

const power = (least: number): number => 2 ** Math.ceil(Math.log2(least))

/**
 * Together they have rotary and learned positions, two ropes, shared keys, query, key and value of each head side by side, norms of heads, soft caps, sliding
 * windows, positions by length, biases, and all three activations.
 */
describe.each(['grouped', 'gemma2', 'gemma3', 'phi3', 'gpt2', 'qwen3', 'opt', 'gpt_neox'])('%s on a GPU', (name) => {
  let golden: Golden
  let models: Models
  beforeAll(async () => {
    if (WITHOUT_GPU) return
    useSoftwareGpu()
    const path = (of: string) => join(goldenFolder(name), of)
    golden = JSON.parse(await readFile(path('golden.json'), 'utf8')) as Golden
    const reward = { path: path(golden.reward), ...(golden.label !== undefined && { label: golden.label }) }
    models = await loadModels({ lm: path(golden.lm), reward, threads: 1, device: 'webgpu' })
  }, SLOW)
  afterAll(() => models?.close())

  it('decodes the tokens of full passes without a cache', () => expectGolden(golden, 'args, k 10, weight 1.5', models), SLOW)
})

describe('a random pair on a GPU', () => {
  let folder: string
  tempFolder((path) => {
    folder = path
  })

  it(
    'gives the tokens that the CPU gives, alone and in a batch, and moves no more than ids, positions and slots',
    async () => {
      useSoftwareGpu()
      const sizes = { d: 64, layers: 2, heads: 4, kv: 2, ffn: 128, vocab: 1500, prompts: 4, 'prompt-tokens': '7+70+20' }
      await writeRandomPair(folder, pairSizes.parse(sizes))
      const expected = await rowsOfPair(folder, { device: 'cpu' })
      const runs: [string, SessionRun][] = []
      const gpu = await loadPair(folder, { device: 'webgpu', onRun: (name, run) => runs.push([name, run]) })
      try {
        for (const concurrency of [1, 4]) {
          runs.length = 0
          const rows = await tracedRows(folder, gpu, concurrency)
          for (const [i, row] of rows.entries()) {
            expect(row.error).toBeNull()
            expect(row.tokenIds).toEqual(expected[i]!.tokenIds)
            expect(Math.abs(row.reward! - expected[i]!.reward!)).toBeLessThan(1e-4)
          }
          // Steps after the prompt: a token of each prompt, or a tree of ten candidates. Runs are padded to powers of two.
          const mostPerPrompt = (model: string, width: number) => {
            const steps = runs
              .filter(([name, { rows, tokens }]) => name === model && tokens === width * power(rows))
              .map(([, { rows, traffic }]) => (traffic!.up + traffic!.down) / power(rows))
            expect(steps.length).toBeGreaterThan(2)
            return Math.max(...steps)
          }
          // 64 bytes per candidate, with the ids.
          expect(mostPerPrompt('lm', 1) + mostPerPrompt('reward', 12)).toBeLessThanOrEqual(640)
        }
      } finally {
        await gpu.close()
      }
    },
    SLOW,
  )
})
