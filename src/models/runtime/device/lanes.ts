import { Tensor } from 'onnxruntime-node'
import { PAGE } from '../../graph/layers/paged/jointHeads.js'
import { branchPosition } from '../decoder/CachedSequence.js'
import type { EngineModel } from '../decoder/Engine.js'
import type { InputShape, PassJob } from '../decoder/feeds.js'
import { depths } from '../decoder/passes.js'

/** Tokens per lane. The runtime's attention is exact for up to 31 queries on every GPU that we tried, SwiftShader included. */
export const WIDTHS = [1, 4, 8, 12, 16] as const
const WIDEST = 16

/** The layout of a slab: pages per slot, and heads of keys and values per page. */
export type SlabPlace = Readonly<{ spare: number; pages: number; heads: number }>

/** A run's inputs without the slabs. `firstReads`: the first read of each job. */
export type Lanes = Readonly<{
  feeds: Record<string, Tensor>
  positions: number
  /** Rows that position tables need. */
  rows: number
  tokens: number
  reads: number
  firstReads: readonly number[]
}>

type LaneModel = InputShape & Pick<EngineModel, 'ropes'>

const power = (least: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, least)))

/**
 * Cuts passes into lanes of equal width (see pagedDecoder.ts). It pads lanes, pages and reads to powers of two, so there are few shapes.
 */
export function lanesOf(
  jobs: readonly PassJob[],
  slab: SlabPlace,
  single: boolean,
  { masks, longAfter = 0, ropes = [] }: LaneModel,
): Lanes {
  const widest = Math.max(1, ...jobs.map(({ pass }) => pass.tokenIds.length))
  const S = single ? 1 : (WIDTHS.find((width) => width >= Math.max(2, widest)) ?? WIDEST)
  const laneCounts = jobs.map(({ pass }) => Math.ceil(pass.tokenIds.length / S))
  const L = power(laneCounts.reduce((sum, count) => sum + count, 0))
  const ends = jobs.map(({ cached, pass }) => branchPosition(cached, pass) + pass.tokenIds.length - pass.kept)
  const P = Math.min(slab.pages, power(Math.max(2, Math.ceil(Math.max(1, ...ends) / PAGE))))
  const R = power(jobs.reduce((sum, { pass }) => sum + pass.reads.length, 0))
  const N = L * S

  const inputIds = new Int32Array(N)
  const positionIds = new Int32Array(N)
  const headsAt = (slot: number, page: number) => (slot * slab.pages + page) * slab.heads
  const rows = new Int32Array(N).fill(headsAt(slab.spare, 0) * PAGE)
  const span = (value: number) => new Int32Array(N).fill(value)
  const spans = { pastEnd: span(1), branchStart: span(1), branchEnd: span(1), localPastStart: span(0), localBranchStart: span(1) }
  const pages = new Int32Array(L * P)
  const readPositions = new Int32Array(R)
  const firstReads: number[] = []
  const window = masks.find((mask) => mask.window !== undefined)?.window ?? Number.POSITIVE_INFINITY

  for (let page = 0; page < L * P; page++) pages[page] = headsAt(slab.spare, page % P)
  const countFrom = ropes.length > 0 ? 1 : 0
  let [lane, read, highest] = [0, 0, 0]
  jobs.forEach(({ cached, pass }, job) => {
    const past = cached.tokenIds.length
    const branch = branchPosition(cached, pass)
    const depth = depths(pass)
    const first = lane * S
    const storedAt = (i: number) => (i < pass.kept ? past + i : branch + i - pass.kept)
    let start = 0
    pass.tokenIds.forEach((tokenId, i) => {
      const at = first + i
      const own = storedAt(i)
      const position = past + depth[i]!
      if (i >= pass.kept && pass.parents[i]! < pass.kept) start = own
      const begin = i < pass.kept ? own : start
      inputIds[at] = tokenId
      const rotated = position + (cached.long ? longAfter : 0)
      highest = Math.max(highest, rotated)
      positionIds[at] = countFrom + rotated
      rows[at] = headsAt(cached.slot, Math.floor(own / PAGE)) * PAGE + (own % PAGE)
      spans.pastEnd[at] = past + Math.min(i, pass.kept)
      spans.branchStart[at] = begin
      spans.branchEnd[at] = own + 1
      spans.localPastStart[at] = Math.max(0, position - window + 1)
      spans.localBranchStart[at] = Math.max(begin, own - window + 1)
    })
    for (let end = lane + laneCounts[job]!; lane < end; lane++)
      for (let page = 0; page < P; page++) pages[lane * P + page] = headsAt(cached.slot, page)
    firstReads.push(read)
    for (const index of pass.reads) readPositions[read++] = first + index
  })

  const spanTensor = (values: Int32Array) => new Tensor('int32', values, [L, S, 1])
  const [full, local] = [masks.some((mask) => mask.window === undefined), masks.some((mask) => mask.window !== undefined)]
  const feeds = {
    input_ids: new Tensor('int32', inputIds, [N, 1]),
    position_ids: new Tensor('int32', positionIds, [N, 1]),
    rows: new Tensor('int32', rows, [N, 1]),
    pages: new Tensor('int32', pages, [L, P]),
    past_end: spanTensor(spans.pastEnd),
    branch_end: spanTensor(spans.branchEnd),
    ...(full && { branch_start: spanTensor(spans.branchStart) }),
    ...(local && { local_past_start: spanTensor(spans.localPastStart), local_branch_start: spanTensor(spans.localBranchStart) }),
    read_positions: new Tensor('int32', readPositions, [R]),
  }
  return { feeds, positions: P * PAGE, rows: highest + 1, tokens: N, reads: R, firstReads }
}
