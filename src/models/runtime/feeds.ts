import { Tensor } from 'onnxruntime-node'
import type { CachedSequence } from './CachedSequence.js'
import type { CacheShape } from './cacheShape.js'
import { depths, type Pass } from './passes.js'
import type { Slab } from './Slab.js'

/** Added to attention scores that must not count. Finite, so that a row of nothing but padding gives no NaN; exp gives exact zero. */
const MASKED = -1e9

export type Job = Readonly<{ cached: CachedSequence; pass: Pass }>

/**
 * The graph's inputs for passes of one slab, in slots `start` on. B passes, S tokens (`width`) and R reads a row, padded with
 * tokens that nothing attends to.
 */
export function feedsOf(jobs: readonly Job[], slab: Slab<CachedSequence>, start: number, width: number, shape: CacheShape) {
  const B = jobs.length
  const S = width
  const T = slab.length
  const R = Math.max(1, ...jobs.map(({ pass }) => pass.reads.length))
  const inputIds = new BigInt64Array(B * S)
  const positionIds = new BigInt64Array(B * S)
  const readPositions = new BigInt64Array(B * R)
  const pastBias = new Float32Array(B * T)
  const selfBias = new Float32Array(B * S * S).fill(MASKED)

  jobs.forEach(({ cached, pass }, row) => {
    const past = cached.tokenIds.length
    const depth = depths(pass)
    pastBias.fill(MASKED, row * T + past, (row + 1) * T)
    for (let i = 0; i < S; i++) {
      const line = (row * S + i) * S
      if (i < pass.tokenIds.length) {
        inputIds[row * S + i] = BigInt(pass.tokenIds[i]!)
        positionIds[row * S + i] = BigInt(past + depth[i]!)
        const parent = pass.parents[i]!
        if (parent >= 0) selfBias.copyWithin(line, (row * S + parent) * S, (row * S + parent + 1) * S)
      }
      selfBias[line + i] = 0
    }
    pass.reads.forEach((index, read) => {
      readPositions[row * R + read] = BigInt(index)
    })
  })

  const feeds: Record<string, Tensor> = {
    input_ids: new Tensor('int64', inputIds, [B, S]),
    position_ids: new Tensor('int64', positionIds, [B, S]),
    read_positions: new Tensor('int64', readPositions, [B, R]),
    past_bias: new Tensor('float32', pastBias, [B, 1, 1, T]),
    self_bias: new Tensor('float32', selfBias, [B, 1, S, S]),
  }
  for (let layer = 0; layer < shape.layers; layer++) {
    const dims = [B, shape.kvHeads, T, shape.headDim]
    feeds[`past_key.${layer}`] = new Tensor('float32', slab.rows(2 * layer, start, B), dims)
    feeds[`past_value.${layer}`] = new Tensor('float32', slab.rows(2 * layer + 1, start, B), dims)
  }
  return { feeds, reads: R }
}
