import { Tensor } from 'onnxruntime-node'
import type { Mask } from '../graph/masks.js'
import type { CachedSequence } from './CachedSequence.js'
import type { CacheShape } from './cacheShape.js'
import { depths, type Pass } from './passes.js'
import type { Slab } from './Slab.js'

/** Added to attention scores that must not count. Finite, so that a row of nothing but padding gives no NaN; exp gives exact zero. */
const MASKED = -1e9

export type Job = Readonly<{ cached: CachedSequence; pass: Pass }>

/** What a model's inputs depend on besides its cache. */
export type InputShape = Readonly<{ shape: CacheShape; masks: readonly Mask[]; longAfter?: number; hiddenSize?: number }>

/**
 * The graph's inputs for passes of one slab, in slots `start` on. B passes, S tokens (`width`) and R reads a row, padded with
 * tokens that nothing attends to. A language model's head is computed at every read, but where hidden states are wanted at the first only.
 */
export function feedsOf(jobs: readonly Job[], slab: Slab<CachedSequence>, start: number, width: number, model: InputShape) {
  const { shape, masks, longAfter = 0, hiddenSize } = model
  const B = jobs.length
  const S = width
  const T = slab.length
  const R = Math.max(1, ...jobs.map(({ pass }) => pass.reads.length))
  const inputIds = new BigInt64Array(B * S)
  const positionIds = new BigInt64Array(B * S)
  const readPositions = new BigInt64Array(B * R)
  const rows = jobs.map(({ cached, pass }) => ({ past: cached.tokenIds.length, parents: pass.parents, depths: depths(pass) }))

  jobs.forEach(({ cached, pass }, row) => {
    const { past, depths } = rows[row]!
    const first = past + (cached.long ? longAfter : 0)
    pass.tokenIds.forEach((tokenId, i) => {
      inputIds[row * S + i] = BigInt(tokenId)
      positionIds[row * S + i] = BigInt(first + depths[i]!)
    })
    pass.reads.forEach((index, read) => {
      readPositions[row * R + read] = BigInt(index)
    })
  })

  const feeds: Record<string, Tensor> = {
    input_ids: new Tensor('int64', inputIds, [B, S]),
    position_ids: new Tensor('int64', positionIds, [B, S]),
    read_positions: new Tensor('int64', readPositions, [B, R]),
    ...(hiddenSize !== undefined && { head_positions: headPositions(B, jobs[0]!.pass.states ? 1 : R) }),
    ...Object.fromEntries(masks.flatMap((mask) => biases(mask, rows, S, T))),
  }
  for (let layer = 0; layer < shape.layers; layer++) {
    const dims = [B, shape.kvHeads, T, shape.headDim]
    feeds[`past_key.${layer}`] = new Tensor('float32', slab.rows(2 * layer, start, B), dims)
    feeds[`past_value.${layer}`] = new Tensor('float32', slab.rows(2 * layer + 1, start, B), dims)
  }
  return { feeds, reads: R }
}

const headPositions = (B: number, H: number): Tensor =>
  new Tensor(
    'int64',
    BigInt64Array.from({ length: B * H }, (_, i) => BigInt(i % H)),
    [B, H],
  )

/** Cached tokens, and for each token of the pass its parent and its distance to them. */
type Row = Readonly<{ past: number; parents: readonly number[]; depths: Int32Array }>

/** What the tokens of each row may attend to: of the cached ones and of each other. */
function biases(mask: Mask, rows: readonly Row[], S: number, T: number): [string, Tensor][] {
  const { window = Number.POSITIVE_INFINITY } = mask
  const B = rows.length
  // Tokens at one depth, as candidates are, see the same of the past.
  const level = window === Number.POSITIVE_INFINITY || rows.every(({ depths }) => depths.every((depth) => depth === depths[0]))
  const Q = level ? 1 : S
  const pastBias = new Float32Array(B * Q * T).fill(MASKED)
  const selfBias = new Float32Array(B * S * S).fill(MASKED)
  rows.forEach(({ past, parents, depths }, row) => {
    for (let query = 0; query < Math.min(Q, parents.length); query++) {
      const line = (row * Q + query) * T
      pastBias.fill(0, line + Math.min(past, Math.max(0, past + depths[query]! - window + 1)), line + past)
    }
    for (let query = 0; query < S; query++) {
      const line = (row * S + query) * S
      selfBias[line + query] = 0
      let seen = parents[query] ?? -1
      for (let left = window - 1; left > 0 && seen >= 0; left--, seen = parents[seen]!) selfBias[line + seen] = 0
    }
  })
  return [
    [mask.past, new Tensor('float32', pastBias, [B, 1, Q, T])],
    [mask.self, new Tensor('float32', selfBias, [B, 1, S, S])],
  ]
}
