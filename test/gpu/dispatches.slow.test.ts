import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { pairSizes, writeRandomPair } from '../../src/models/checkpoint/writeRandomPair.js'
import type { WeightDtype } from '../../src/models/graph/quantize.js'
import { useSoftwareGpu, WITHOUT_GPU } from '../softwareGpu.js'
import { call, deviceEngine } from './deviceEngine.js'
import { SLOW } from './tracedRows.js'

beforeEach((context) => context.skip(WITHOUT_GPU !== undefined, WITHOUT_GPU))
afterEach(() => vi.restoreAllMocks())

type Event = Readonly<{ cat: string; name: string; ts: number; args: Readonly<{ op_name?: string; provider?: string }> }>

/** What a run does: kernels on the GPU, and operators that the runtime computes on the CPU. */
type Work = Readonly<{ dispatches: number; onCpu: readonly string[] }>

/** Lets the runtime record the next session that opens. Its profile has one event of the category `Api` per kernel. */
function recordSession(profileFilePrefix: string): Promise<InferenceSession> {
  const create = InferenceSession.create.bind(InferenceSession) as (...given: unknown[]) => Promise<InferenceSession>
  return new Promise((resolve) => {
    const recorded = async (model: unknown, options: object) => {
      const session = await create(model, { ...options, enableProfiling: true, profileFilePrefix })
      resolve(session)
      return session
    }
    vi.spyOn(InferenceSession, 'create').mockImplementationOnce(recorded as typeof InferenceSession.create)
  })
}

describe('a step on a GPU', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rxargs-dispatches-'))
    for (const layers of [1, 3]) {
      const sizes = { d: 64, layers, heads: 4, kv: 2, ffn: 64, vocab: 300, prompts: 1 }
      await writeRandomPair(join(folder, String(layers)), pairSizes.parse(sizes))
    }
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  /** The work of a step after a prompt: the next token, or a tree of ten candidates. */
  async function workOf(model: 'lm' | 'reward', layers: number, dtype: WeightDtype): Promise<Work> {
    useSoftwareGpu()
    const profile = await mkdtemp(join(folder, 'profile-'))
    const session = recordSession(join(profile, 'run'))
    const { engine, close } = await deviceEngine(join(folder, String(layers), model), { dtype })
    const prompt = [5, 6, 7, 8]
    const branches = model === 'lm' ? [[]] : Array.from({ length: 10 }, (_, i) => [i])
    await engine.run([call(0, prompt, { branches: [] })])
    await engine.run([call(0, [...prompt, 9], { branches, ...(model === 'lm' && { decode: true, top: 10 }) })])
    ;(await session).endProfiling()
    await close()
    const [file] = await readdir(profile)
    const events = JSON.parse(await readFile(join(profile, file!), 'utf8')) as Event[]
    const begin = events.filter(({ name }) => name === 'model_run').at(-1)!.ts
    const kernels = events.filter(({ cat }) => cat === 'Api')
    const nodes = events.filter(({ cat, name, ts }) => cat === 'Node' && name.endsWith('_kernel_time') && ts >= begin)
    // Kernels have another clock than nodes. A run looks up the embedding once, after the same kernels each time.
    const isEmbedding = ({ name }: Event) => name.startsWith('embedding&')
    const before = kernels.findIndex(isEmbedding)
    return {
      dispatches: kernels.length - kernels.findLastIndex(isEmbedding) + before,
      onCpu: nodes.filter(({ args }) => args.provider === 'CPUExecutionProvider').map(({ args }) => args.op_name!),
    }
  }

  it.each([
    { model: 'lm', dtype: 'q4', perLayer: 12, others: 23 },
    { model: 'lm', dtype: 'fp32', perLayer: 16, others: 23 },
    { model: 'reward', dtype: 'q4', perLayer: 15, others: 15 },
    { model: 'reward', dtype: 'fp32', perLayer: 16, others: 15 },
  ] as const)(
    'takes the $model in $dtype at most $perLayer dispatches per layer and $others others, and the CPU computes shapes alone',
    async ({ model, dtype, perLayer, others }) => {
      const one = await workOf(model, 1, dtype)
      const three = await workOf(model, 3, dtype)
      expect((three.dispatches - one.dispatches) / 2).toBeLessThanOrEqual(perLayer)
      expect(one.dispatches - perLayer).toBeLessThanOrEqual(others)
      for (const { onCpu } of [one, three]) expect(onCpu).toEqual(['Concat', 'Concat'])
    },
    SLOW,
  )
})
