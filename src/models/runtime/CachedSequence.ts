import type { Pass } from './passes.js'
import type { NewRows, Resident, Slab } from './Slab.js'

/** Keys and values that a pass computed for tokens which may yet become part of the sequence, and what was read at them. */
export type PendingTree = Readonly<{
  pass: Pass
  /** Plane by plane (key, value of each layer): Float32[B, kvHeads, S, headDim], of which this sequence has `row`. */
  planes: readonly Float32Array[]
  row: number
  tokens: number
  /** Reward by token of the pass, where one was read. */
  rewards: ReadonlyMap<number, number>
}>

/** One sequence's place in the cache. */
export type CachedSequence = Resident & {
  /** Tokens whose keys and values lie in the slab. */
  tokenIds: number[]
  slab?: Slab<CachedSequence>
  tree?: PendingTree
  /** A result was not finite: the row must be zeroed before another uses it. */
  dirty: boolean
}

export const emptySequence = (): CachedSequence => ({ slot: -1, tokenIds: [], dirty: false })

/** Writes `count` tokens of a pass, from token `from` on, behind the cached ones. */
export function commit(cached: CachedSequence, tree: Omit<PendingTree, 'rewards'>, from: number, count: number): void {
  const { slab, slot, tokenIds } = cached
  if (!slab || count === 0) return
  tree.planes.forEach((values, plane) => {
    const source: NewRows = { values, row: tree.row, tokens: tree.tokens, from }
    slab.write(plane, slot, tokenIds.length, source, count)
  })
  for (let i = 0; i < count; i++) tokenIds.push(tree.pass.tokenIds[from + i]!)
}

/**
 * Makes the cache a prefix of `target`: takes over what the last tree already computed for the tokens that were chosen, or drops
 * what differs. Returns the reward read at the last token of `target`, when the tree had it.
 */
export function align(cached: CachedSequence, target: Int32Array): number | undefined {
  const { tree } = cached
  cached.tree = undefined
  const common = commonPrefix(cached.tokenIds, target)
  if (common < cached.tokenIds.length || !tree) {
    cached.tokenIds.length = common
    return undefined
  }
  let node = tree.pass.kept - 1
  for (;;) {
    const next = target[cached.tokenIds.length]
    const child = tree.pass.parents.findIndex(
      (parent, i) => i >= tree.pass.kept && parent === node && tree.pass.tokenIds[i] === next,
    )
    if (next === undefined || child < 0) return cached.tokenIds.length === target.length ? tree.rewards.get(node) : undefined
    commit(cached, tree, child, 1)
    node = child
  }
}

function commonPrefix(a: readonly number[], b: Int32Array): number {
  let length = 0
  while (length < a.length && length < b.length && a[length] === b[length]) length++
  return length
}
