import type { CacheShape } from './cacheShape.js'
import { CHUNK, type Pass } from './passes.js'
import type { NewRows, Resident, Slab } from './Slab.js'

/** Keys and values that a pass computed, plane by plane (key, value of each layer): Float32[B, kvHeads, S, headDim]. */
export type Computed = Readonly<{
  pass: Pass
  planes: readonly Float32Array[]
  /** Row of this sequence, tokens a row (S), and the token of the pass that comes first in it. */
  row: number
  tokens: number
  first: number
}>

/** A pass whose branches may yet become part of the sequence, and the reward by token of the pass, where one was read. */
export type PendingTree = Computed & Readonly<{ rewards: ReadonlyMap<number, number> }>

/** One sequence's place in the cache. */
export type CachedSequence = Resident & {
  /** Tokens whose keys and values lie in the slab. */
  tokenIds: number[]
  /** Of these, the leading ones that were read in whole chunks: what another sequence with the same beginning would compute, too. */
  chunked: number
  slab?: Slab<CachedSequence>
  /** Trees on top of the cached tokens: one, or several where candidates are scored in stages. */
  trees: PendingTree[]
  /** A result was not finite: the row must be zeroed before another uses it. */
  dirty: boolean
}

export const emptySequence = (): CachedSequence => ({ slot: -1, tokenIds: [], chunked: 0, trees: [], dirty: false })

/** Writes `count` tokens of a pass, from token `from` on, behind the cached ones. */
export function commit(cached: CachedSequence, computed: Computed, from: number, count: number): void {
  const { slab, slot, tokenIds } = cached
  if (!slab || count === 0) return
  computed.planes.forEach((values, plane) => {
    const source: NewRows = { values, row: computed.row, tokens: computed.tokens, from: from - computed.first }
    slab.write(plane, slot, tokenIds.length, source, count)
  })
  if (count === CHUNK && tokenIds.length === cached.chunked) cached.chunked += CHUNK
  for (let i = 0; i < count; i++) tokenIds.push(computed.pass.tokenIds[from + i]!)
}

/** Forgets the cached tokens from `length` on. */
export function truncate(cached: CachedSequence, length: number): void {
  cached.tokenIds.length = length
  cached.chunked = Math.min(cached.chunked, CHUNK * Math.floor(length / CHUNK))
  cached.trees = []
}

/**
 * Makes the cache a prefix of `target`: takes over what a tree already computed for the tokens that were chosen, or drops
 * what differs. Returns the reward read at the last token of `target`, when a tree had it.
 */
export function align(cached: CachedSequence, target: Int32Array): number | undefined {
  const common = commonPrefix(cached.tokenIds, target)
  if (common < cached.tokenIds.length) {
    truncate(cached, common)
    return undefined
  }
  const next = target[common]
  const tree = next === undefined ? cached.trees[0] : cached.trees.find((one) => childOf(one, one.pass.kept - 1, next) >= 0)
  if (!tree) {
    if (next !== undefined) cached.trees = []
    return undefined
  }
  let node = tree.pass.kept - 1
  for (;;) {
    const tokenId = target[cached.tokenIds.length]
    if (tokenId === undefined) return tree.rewards.get(node)
    cached.trees = []
    node = childOf(tree, node, tokenId)
    if (node < 0) return undefined
    commit(cached, tree, node, 1)
  }
}

/** The branches of a pass in arrays of their own, so that those of a whole run can go. */
export function branchesAlone(tree: PendingTree, { kvHeads, headDim }: CacheShape): PendingTree {
  const { pass, planes, row, tokens } = tree
  const kept = pass.tokenIds.length - pass.kept
  const alone = planes.map((values) => {
    const plane = new Float32Array(kvHeads * kept * headDim)
    for (let head = 0; head < kvHeads; head++) {
      const begin = ((row * kvHeads + head) * tokens + pass.kept) * headDim
      plane.set(values.subarray(begin, begin + kept * headDim), head * kept * headDim)
    }
    return plane
  })
  return { ...tree, planes: alone, row: 0, tokens: kept, first: pass.kept }
}

const childOf = ({ pass }: PendingTree, node: number, tokenId: number): number =>
  pass.parents.findIndex((parent, i) => i >= pass.kept && parent === node && pass.tokenIds[i] === tokenId)

function commonPrefix(a: readonly number[], b: Int32Array): number {
  let length = 0
  while (length < a.length && length < b.length && a[length] === b[length]) length++
  return length
}
