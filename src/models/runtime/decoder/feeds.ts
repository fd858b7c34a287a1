import { Tensor } from 'onnxruntime-node'
import type { Mask } from '../../graph/masks.js'
import type { CachedSequence } from './CachedSequence.js'
import type { CacheShape } from './cacheShape.js'
import { depths, type Pass } from './passes.js'
import type { Slab } from './Slab.js'

/** Added to masked attention scores. Finite, so a row of pure padding gives no NaN; its exponential is an exact zero. */
const MASKED = -1e9

export type PassJob = Readonly<{ cached: CachedSequence; pass: Pass }>

/** The properties of a model that its inputs depend on. */
export type InputShape = Readonly<{
  shape: CacheShape
  masks: readonly Mask[]
  longAfter?: number
  hiddenSize?: number
  evenRows?: boolean
}>

/**
 * The graph's inputs without its position tables. `tokens`: new tokens of all passes (N). `reads`: reads of all passes (R). `firstReads`: the first
 * read of each pass. `positions`: rows that the tables need.
 */
export type Feeds = Readonly<{
  feeds: Record<string, Tensor>
  tokens: number
  reads: number
  firstReads: readonly number[]
  positions: number
}>

/**
 * The graph's inputs for passes of one slab, in slots from `start` on. Tokens lie one pass after the other. In attention each pass is a row of `width`
 * places (S), padded with its first token, and masked there. A language model's head runs at every read; for hidden states only at the first.
 */
export function feedsOf(
  jobs: readonly PassJob[],
  slab: Slab<CachedSequence>,
  start: number,
  width: number,
  { shape, masks, longAfter = 0, hiddenSize, evenRows = false }: InputShape,
): Feeds {
  const B = jobs.length
  // Before any token is cached, attention over the rows would be work for nothing.
  const T = jobs.some(({ cached }) => cached.tokenIds.length > 0) ? slab.length : 0
  const whole = (rows: number) => (evenRows ? 2 * Math.ceil(rows / 2) : rows)
  let positions = 1
  const firsts = sums(jobs.map(({ pass }) => pass.tokenIds.length))
  const firstReads = sums(jobs.map(({ pass }) => pass.reads.length))
  // A product of one row rounds differently, so a tree of one token gets a second row.
  const N = whole(Math.max(width === 1 ? 1 : 2, firsts.pop()!))
  const R = whole(Math.max(1, firstReads.pop()!))
  const inputIds = new BigInt64Array(N)
  const positionIds = new BigInt64Array(N)
  const slots = new BigInt64Array(B * width)
  const places = new BigInt64Array(N)
  const readPositions = new BigInt64Array(R)
  const rows = jobs.map(({ cached, pass }) => ({ past: cached.tokenIds.length, parents: pass.parents, depths: depths(pass) }))

  jobs.forEach(({ cached, pass }, row) => {
    const { past, depths } = rows[row]!
    const first = firsts[row]!
    const position = past + (cached.long ? longAfter : 0)
    slots.fill(BigInt(first), row * width, (row + 1) * width)
    pass.tokenIds.forEach((tokenId, i) => {
      inputIds[first + i] = BigInt(tokenId)
      positionIds[first + i] = BigInt(position + depths[i]!)
      positions = Math.max(positions, position + depths[i]! + 1)
      slots[row * width + i] = BigInt(first + i)
      places[first + i] = BigInt(row * width + i)
    })
    pass.reads.forEach((index, read) => {
      readPositions[firstReads[row]! + read] = BigInt(first + index)
    })
  })

  const feeds: Record<string, Tensor> = {
    input_ids: new Tensor('int64', inputIds, [N, 1]),
    position_ids: new Tensor('int64', positionIds, [N, 1]),
    slots: new Tensor('int64', slots, [B, width]),
    places: new Tensor('int64', places, [N, 1]),
    read_positions: new Tensor('int64', readPositions, [R]),
    ...(hiddenSize !== undefined && { head_positions: headPositions(jobs[0]!.pass.states ? 1 : R) }),
    ...Object.fromEntries(masks.flatMap((mask) => biases(mask, rows, width, T))),
  }
  for (let layer = 0; layer < shape.layers; layer++) {
    const dims = [B, shape.kvHeads, T, shape.headDim]
    const rowsOf = (plane: number) => slab.rows(plane, start, T === 0 ? 0 : B)
    feeds[`past_key.${layer}`] = new Tensor('float32', rowsOf(2 * layer), dims)
    feeds[`past_value.${layer}`] = new Tensor('float32', rowsOf(2 * layer + 1), dims)
  }
  return { feeds, tokens: N, reads: R, firstReads, positions }
}

/** Running sums: the total before each count, and the whole total at the end. */
function sums(counts: readonly number[]): number[] {
  const before = [0]
  for (const count of counts) before.push(before.at(-1)! + count)
  return before
}

const headPositions = (H: number): Tensor =>
  new Tensor(
    'int64',
    BigInt64Array.from({ length: H }, (_, i) => BigInt(i)),
    [H],
  )

/** `past`: cached tokens. `parents` and `depths` of each token of the pass. */
type Row = Readonly<{ past: number; parents: readonly number[]; depths: Int32Array }>

/** The masks of each row over the cached tokens and over the new ones. */
function biases(mask: Mask, rows: readonly Row[], S: number, T: number): [string, Tensor][] {
  const { window = Number.POSITIVE_INFINITY } = mask
  const B = rows.length
  // Tokens at one depth, such as candidates, attend to the same past.
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
