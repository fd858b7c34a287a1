import type { InferenceSession, Tensor } from 'onnxruntime-node'
import type { CachedSequence } from '../decoder/CachedSequence.js'
import type { EngineModel } from '../decoder/Engine.js'
import type { PassJob } from '../decoder/feeds.js'
import type { Computed, KvMemory, RunRequest } from '../decoder/memory.js'
import { growingRope } from '../decoder/ropeFeeds.js'
import { type Read, topRequestOf, unpackTops, valuesAt } from '../decoder/tops.js'
import { DeviceSlab } from './DeviceSlab.js'
import { type Gpu, int64, view } from './gpu.js'
import { type Lanes, lanesOf } from './lanes.js'
import { withLock } from './lock.js'
import { warmUp } from './warmUp.js'

/** `warmUp` runs every shape of up to `lanes` lanes once. */
export type DeviceMemory = KvMemory & Readonly<{ warmUp(lanes: number): Promise<void>; close(): Promise<void> }>

/**
 * Keeps keys and values in GPU memory, from a sequence's first token to its release. A run writes new keys and values into the slabs. Only ids,
 * positions, slots and results cross to and from the host.
 */
export function deviceMemory(
  session: Pick<InferenceSession, 'run'>,
  model: EngineModel,
  gpu: Gpu,
  lock: Int32Array,
): DeviceMemory {
  const { shape, vocabSize } = model
  const slabs: DeviceSlab<CachedSequence>[] = []
  const pending: ((gpu: Gpu) => Promise<void>)[] = []
  const constants = new Map<number, Tensor>()
  const ropes = (model.ropes ?? []).map(({ name, rope }) => ({ name, rowsOf: growingRope(rope, model.longAfter) }))
  const tables = new Map<string, Readonly<{ buffer: Tensor; table: Tensor }>>()

  /** Positions 0 to `length` - 1, uploaded once. */
  const positionsOf = async (length: number): Promise<Tensor> => {
    const existing = constants.get(length) ?? (await gpu.ints(Int32Array.from({ length }, (_, i) => i)))
    constants.set(length, existing)
    return existing
  }

  /** Cosines and sines of positions, after a row that turns nothing. Uploads a table again only if it has grown. */
  const ropeTables = async (needed: number): Promise<Record<string, Tensor>> => {
    for (const { name, rowsOf } of ropes) {
      const { rows, width, cos, sin } = rowsOf(needed)
      for (const [part, values, none] of [['cos', cos, 1] as const, ['sin', sin, 0] as const]) {
        const existing = tables.get(`${name}_${part}`)
        if (existing?.table.dims[0] === rows + 1) continue
        existing?.buffer.dispose()
        const all = new Float32Array((rows + 1) * width).fill(none)
        all.set(values, width)
        const words = await gpu.ints(new Int32Array(all.buffer))
        tables.set(`${name}_${part}`, { buffer: words, table: view(words, 'float32', [rows + 1, width]) })
      }
    }
    return Object.fromEntries([...tables].map(([name, { table }]) => [name, table]))
  }

  const feedsOf = async (lanes: Lanes, slab: DeviceSlab<CachedSequence>, states: boolean, top: number) => {
    const rows = (slab.spare + 1) * slab.longest * slab.heads
    const planes = slab.buffers.map((buffer) => view(buffer, 'float32', [rows, shape.headDim]))
    const named = (prefix: string) => Object.fromEntries(planes.map((plane, layer) => [`${prefix}cache.${layer}`, plane]))
    const feeds: Record<string, Tensor> = {
      ...lanes.feeds,
      ...named(''),
      key_positions: await positionsOf(lanes.positions),
      ...(await ropeTables(lanes.rows)),
      ...(model.output === 'logits' && { head_positions: await positionsOf(states ? 1 : lanes.reads), top: int64([top]) }),
    }
    return { feeds, slabs: named('next_') }
  }

  const compute = async (
    lanes: Lanes,
    slab: DeviceSlab<CachedSequence>,
    request: RunRequest,
  ): Promise<Read & { down: number; up: number }> => {
    const { output } = request
    const { count, areEnough } = topRequestOf(request)
    const { feeds, slabs: written } = await feedsOf(lanes, slab, output.name === 'hidden_states', count)
    const up = Object.values(feeds).reduce((sum, tensor) => sum + (tensor.location === 'cpu' ? bytesOf(tensor) : 0), 0)
    if (!areEnough) {
      const outputs = await session.run(feeds, { ...written, [output.name]: null })
      const values = outputs[output.name]!.data as Float32Array
      return { values, width: output.width, up, down: values.byteLength }
    }
    const tops = (await session.run(feeds, { ...written, tops: null })).tops!.data as Float32Array
    return { ...unpackTops(tops, lanes.reads, count), up, down: tops.byteLength }
  }

  const memory: KvMemory = {
    slab(longest) {
      const slab = new DeviceSlab<CachedSequence>(shape, longest, (work) => pending.push(work))
      slabs.push(slab)
      return slab
    },
    run: <J extends PassJob>(jobs: readonly J[], request: RunRequest) =>
      withLock(lock, async (): Promise<Computed<J>> => {
        for (const work of pending.splice(0)) await work(gpu)
        const slab = jobs[0]!.cached.slab as DeviceSlab<CachedSequence>
        const lanes = lanesOf(jobs, slab, request.single, model)
        const read = await compute(lanes, slab, request)
        const indexOf = new Map(jobs.map((job, index) => [job, index]))
        return {
          tokens: lanes.tokens,
          reads: lanes.reads,
          traffic: { up: read.up, down: read.down },
          values: (job) => valuesAt(read, lanes.firstReads[indexOf.get(job)!]!, job.pass.reads.length),
          write: () => undefined,
        }
      }),
  }
  return {
    ...memory,
    async warmUp(lanes) {
      const output =
        model.output === 'logits' ? ({ name: 'logits', width: vocabSize } as const) : ({ name: 'reward', width: 1 } as const)
      const slab = (await warmUp(memory, output, lanes)) as DeviceSlab<CachedSequence>
      await withLock(lock, async () => slab.dispose())
    },
    close: () =>
      withLock(lock, async () => {
        for (const slab of slabs) slab.dispose()
        for (const tensor of constants.values()) tensor.dispose()
        for (const { buffer } of tables.values()) buffer.dispose()
        await gpu.close()
      }),
  }
}

const bytesOf = (tensor: Tensor): number => (tensor.data as Float32Array).byteLength
