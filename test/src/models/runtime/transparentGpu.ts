import type { InferenceSession, Tensor } from 'onnxruntime-node'
import type { EngineModel } from '../../../../src/models/runtime/decoder/Engine.js'
import type { KvMemory } from '../../../../src/models/runtime/decoder/memory.js'
import { deviceMemory } from '../../../../src/models/runtime/device/deviceMemory.js'
import { arrayGpu, arrayOf } from '../../../arrayGpu.js'
import { mixed } from './decoder/transparentModel.js'

/** Lanes, and tokens a lane, of a run. */
export type GpuRun = Readonly<{ L: number; S: number }>

/** The model of transparentModel.ts over a cache in pages, as pagedDecoder.ts describes its graph. */
export function transparentGpu(model: EngineModel, runs: GpuRun[] = []): KvMemory {
  const run = async (feeds: Record<string, Tensor>, fetches: Record<string, Tensor | null>) => {
    const ints = (name: string): readonly number[] => Array.from(feeds[name]!.data as BigInt64Array | Int32Array, Number)
    const [L, S] = feeds.past_end!.dims as [number, number]
    const P = feeds.pages!.dims[1]!
    runs.push({ L, S })
    if (fetches['next_cache.0']!.gpuBuffer !== feeds['cache.0']!.gpuBuffer)
      throw new Error('Expected the slab to be written in place')
    const slab = arrayOf(feeds['cache.0']!)
    const [ids, positions, rows, pages] = ['input_ids', 'position_ids', 'rows', 'pages'].map(ints) as [
      number[],
      number[],
      number[],
      number[],
    ]
    for (const [token, row] of rows.entries()) slab.set([ids[token]!, positions[token]!], 2 * row)
    const spans = (mask: EngineModel['masks'][number]) => {
      const name = mask.window === undefined ? 'branch_start' : 'local_branch_start'
      const pastStart = mask.window === undefined ? ids.map(() => 0) : ints('local_past_start')
      return { pastStart, pastEnd: ints('past_end'), branchStart: ints(name), branchEnd: ints('branch_end') }
    }
    const masks = model.masks.map(spans)
    const values = Float32Array.from(ints('read_positions'), (token) =>
      masks.reduce((all, { pastStart, pastEnd, branchStart, branchEnd }) => {
        let sum = 0
        const lane = Math.floor(token / S)
        for (let t = 0; t < 64 * P; t++) {
          const inPast = t >= pastStart[token]! && t < pastEnd[token]!
          if (!inPast && !(t >= branchStart[token]! && t < branchEnd[token]!)) continue
          // The first of the two heads of a page has the keys.
          const row = 64 * pages[lane * P + Math.floor(t / 64)]! + (t % 64)
          sum += mixed(slab[2 * row]!, slab[2 * row + 1]!)
        }
        return (3 * all + sum) % 65_521
      }, 0),
    )
    return { reward: { data: values }, hidden_states: { data: values } }
  }
  return deviceMemory(
    { run: run as unknown as InferenceSession['run'] },
    model,
    arrayGpu,
    new Int32Array(new SharedArrayBuffer(4)),
  )
}
