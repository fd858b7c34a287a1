import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { args } from '../pipelines/decoders/args.js'
import { generate } from '../pipelines/run/generate.js'
import type { Prompt } from '../src/core/prompt.js'
import type { Models } from '../src/core/run.js'
import { pairSizes, writeRandomPair } from '../src/models/checkpoint/writeRandomPair.js'
import { loadModels } from '../src/models/loadModels.js'
import type { SessionRun } from '../src/models/runtime/watch.js'
import { expectGolden, type Golden } from './goldenCases.js'
import { useSoftwareGpu, WITHOUT_GPU } from './softwareGpu.js'

/** Shaders are compiled for a CPU here: a first run of a shape takes seconds. */
const SLOW = 300_000

beforeEach((context) => context.skip(WITHOUT_GPU !== undefined, WITHOUT_GPU))

/** Together they have rotary and learned positions, shared keys, soft caps, sliding windows, positions by length, biases, and all three activations. */
describe.each(['grouped', 'gemma2', 'phi3', 'gpt2'])('%s on a GPU', (name) => {
  let golden: Golden
  let models: Models
  beforeAll(async () => {
    if (WITHOUT_GPU) return
    useSoftwareGpu()
    const path = (of: string) => fileURLToPath(new URL(`../data/golden/${name}/${of}`, import.meta.url))
    golden = JSON.parse(await readFile(path('golden.json'), 'utf8')) as Golden
    const reward = { path: path(golden.reward), ...(golden.label !== undefined && { label: golden.label }) }
    models = await loadModels({ lm: path(golden.lm), reward, threads: 1, device: 'webgpu' })
  }, SLOW)
  afterAll(() => models?.close())

  it('decodes the tokens of full passes without a cache', () => expectGolden(golden, 'args, k 10, weight 1.5', models), SLOW)
})

describe('a random pair on a GPU', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rxargs-gpu-'))
    const sizes = { d: 64, layers: 2, heads: 4, kv: 2, ffn: 128, vocab: 1500, prompts: 4, 'prompt-tokens': '7+70+20' }
    await writeRandomPair(folder, pairSizes.parse(sizes))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const K = 10
  const path = (name: string) => join(folder, name)
  async function rowsOf(models: Models, concurrency: number) {
    const lines = (await readFile(path('prompts.jsonl'), 'utf8')).trim().split('\n')
    async function* prompts(): AsyncGenerator<Prompt> {
      for (const [i, line] of lines.entries()) yield { id: String(i), content: { text: JSON.parse(line).prompt as string } }
    }
    const rows = []
    for await (const row of generate(prompts(), args({ k: K }), models, { concurrency, maxNewTokens: 6 })) rows.push(row)
    return rows.toSorted((a, b) => a.id.localeCompare(b.id))
  }
  const load = (device: 'cpu' | 'webgpu', more: Readonly<Record<string, unknown>> = {}) =>
    loadModels({ lm: path('lm'), reward: path('reward'), threads: 1, device, ...more })

  it(
    'gives the tokens that the CPU gives, alone and in a batch, and moves no more than ids, positions and slots',
    async () => {
      useSoftwareGpu()
      const cpu = await load('cpu')
      const expected = await rowsOf(cpu, 1).finally(() => cpu.close())
      const runs: [string, SessionRun][] = []
      const gpu = await load('webgpu', { onRun: (name: string, run: SessionRun) => runs.push([name, run]) })
      try {
        for (const concurrency of [1, 4]) {
          runs.length = 0
          const rows = await rowsOf(gpu, concurrency)
          for (const [i, row] of rows.entries()) {
            expect(row.error).toBeNull()
            expect(row.tokenIds).toEqual(expected[i]!.tokenIds)
            expect(Math.abs(row.reward! - expected[i]!.reward!)).toBeLessThan(1e-4)
          }
          // Steps after the prompt; earlier ones are part of its ids.
          for (const [name, { rows, tokens, traffic }] of runs.filter(
            ([, run]) => run.tokens <= 16 * run.rows && run.reads > 0,
          )) {
            expect(traffic!.up + traffic!.down, `${name}, ${rows} prompts, ${tokens} tokens`).toBeLessThanOrEqual(
              64 * K * rows + 8 * tokens,
            )
          }
        }
      } finally {
        await gpu.close()
      }
    },
    SLOW,
  )
})
