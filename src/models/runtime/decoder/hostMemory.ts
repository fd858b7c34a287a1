import { type InferenceSession, Tensor } from 'onnxruntime-node'
import type { CachedSequence } from './CachedSequence.js'
import type { EngineModel } from './Engine.js'
import { feedsOf, type InputShape } from './feeds.js'
import type { KvMemory } from './memory.js'
import { OutputBuffers } from './OutputBuffers.js'
import { ropeFeeds } from './ropeFeeds.js'
import { Slab } from './Slab.js'
import { topRequestOf, unpackTops, valuesAt } from './tops.js'

/** Keeps keys and values in CPU memory. The graph reads the slabs and returns new keys and values, which `write` adds to them. */
export function hostMemory(session: Pick<InferenceSession, 'run'>, model: InputShape & Pick<EngineModel, 'ropes'>): KvMemory {
  const { shape } = model
  const ropeTables = ropeFeeds(model.ropes ?? [], model.longAfter)
  const buffers = new OutputBuffers(shape)
  return {
    slab: (longest) => new Slab<CachedSequence>(shape, longest),
    async run(jobs, request) {
      const { output, single } = request
      const slab = jobs[0]!.cached.slab as Slab<CachedSequence>
      const start = slab.gather(jobs.map(({ cached }) => cached))
      const inOrder = [...jobs].sort((a, b) => a.cached.slot - b.cached.slot)
      const rowOf = new Map(inOrder.map((job, row) => [job, row]))
      const places = single ? 1 : Math.max(2, ...jobs.map(({ pass }) => pass.tokenIds.length))
      const { feeds, tokens, reads, firstReads, positions } = feedsOf(inOrder, slab, start, places, model)
      const tops = topRequestOf(request)
      const top = model.hiddenSize !== undefined && { top: new Tensor('int64', BigInt64Array.of(BigInt(tops.count)), [1]) }
      const outputs = await session.run(
        { ...feeds, ...ropeTables(positions), ...top },
        buffers.fetches(jobs.length, places, reads, output, tops),
      )
      const dataOf = (name: string): Float32Array => outputs[name]!.data as Float32Array
      const planes = Array.from({ length: shape.layers }, (_, layer) => [dataOf(`key.${layer}`), dataOf(`value.${layer}`)]).flat()
      const read = tops.areEnough
        ? unpackTops(dataOf('tops'), reads, tops.count)
        : { values: dataOf(output.name), width: output.width }
      return {
        tokens,
        reads,
        values: (job) => valuesAt(read, firstReads[rowOf.get(job)!]!, job.pass.reads.length),
        write(job, position, from, count) {
          const row = rowOf.get(job)!
          for (const [plane, values] of planes.entries())
            slab.write(plane, job.cached.slot, position, { values, row, tokens: places, from }, count)
        },
      }
    },
  }
}
