import type { KvSlab, Resident } from './kvSlab.js'
import { CHUNK, type Pass } from './passes.js'

/** Branches that may become part of the sequence. Their keys and values lie in its row after the cached tokens. */
export type PendingTree = Readonly<{
  pass: Pass
  /** Position of the first one in the row. */
  position: number
  /** Rewards by token of the pass, of the tokens that the head read. */
  rewards: ReadonlyMap<number, number>
}>

/** The cache of one sequence. */
export type CachedSequence = Resident & {
  /** Tokens with keys and values in the slab. */
  tokenIds: number[]
  /** Leading tokens that went through the model in whole chunks. Another sequence with the same beginning would compute the same bits. */
  chunked: number
  slab?: KvSlab<CachedSequence>
  /** Trees after the cached tokens: one, or several if candidates are scored in stages. */
  trees: PendingTree[]
  /** Whether its keys have the rotation of long sequences (`longAfter` in buildGraph.ts). */
  long: boolean
  /** A result was not finite. The row must be zeroed before its next use. */
  dirty: boolean
}

export const emptySequence = (): CachedSequence => ({ slot: -1, tokenIds: [], chunked: 0, trees: [], long: false, dirty: false })

/** Number of positions that tokens and trees fill in the row. */
export function usedPositions({ tokenIds, trees }: CachedSequence): number {
  const last = trees.at(-1)
  return last ? last.position + branchTokens(last.pass) : tokenIds.length
}

/** Copies keys and values of tokens `from` to `from + count` of a pass to the sequence's row, from `position` on. */
export type Write = (position: number, from: number, count: number) => void

/** The row position for a pass's branches: after its chain, or after all tokens and trees. */
export const branchPosition = (cached: CachedSequence, { kept }: Pass): number =>
  kept > 0 ? cached.tokenIds.length + kept : usedPositions(cached)

/** Stores the results of a pass: its chain after the cached tokens, its branches after that. */
export function commit(cached: CachedSequence, pass: Pass, write: Write, rewards: PendingTree['rewards']): void {
  const { tokenIds, trees } = cached
  const position = branchPosition(cached, pass)
  if (pass.kept > 0) {
    write(tokenIds.length, 0, pass.kept)
    if (pass.kept === CHUNK && tokenIds.length === cached.chunked) cached.chunked += CHUNK
    for (let i = 0; i < pass.kept; i++) tokenIds.push(pass.tokenIds[i]!)
    trees.length = 0
  }
  const count = branchTokens(pass)
  if (count === 0) return
  write(position, pass.kept, count)
  trees.push({ pass, position, rewards })
}

/** Drops the cached tokens from `length` on. */
export function truncate(cached: CachedSequence, length: number): void {
  cached.tokenIds.length = length
  cached.chunked = Math.min(cached.chunked, CHUNK * Math.floor(length / CHUNK))
  cached.trees.length = 0
}

/**
 * Makes the cache a prefix of `target`. It adopts the chosen tokens from a tree, or drops the tokens that differ. Returns the reward at the last
 * token of `target` if a tree has it.
 */
export function align(cached: CachedSequence, target: Int32Array): number | undefined {
  const { tokenIds, trees } = cached
  const common = commonPrefix(tokenIds, target)
  if (common < tokenIds.length) {
    truncate(cached, common)
    return undefined
  }
  const next = target[common]
  const tree = next === undefined ? trees[0] : trees.find((one) => childOf(one, one.pass.kept - 1, next) >= 0)
  if (next !== undefined) trees.length = 0
  if (!tree) return undefined
  let node = tree.pass.kept - 1
  let moved = true
  for (let length = tokenIds.length; ; length++) {
    const tokenId = target[length]
    if (tokenId === undefined) return tree.rewards.get(node)
    node = childOf(tree, node, tokenId)
    if (node < 0) return undefined
    // A path's tokens are in order, and each moves to an earlier position. So no copy overwrites a token before its turn.
    const position = tree.position + node - tree.pass.kept
    moved &&= cached.slab?.movePosition(cached.slot, position, length) ?? true
    if (moved) tokenIds.push(tokenId)
  }
}

const branchTokens = (pass: Pass): number => pass.tokenIds.length - pass.kept

const childOf = ({ pass }: PendingTree, node: number, tokenId: number): number =>
  pass.parents.findIndex((parent, i) => i >= pass.kept && parent === node && pass.tokenIds[i] === tokenId)

function commonPrefix(a: readonly number[], b: Int32Array): number {
  let length = 0
  while (length < a.length && length < b.length && a[length] === b[length]) length++
  return length
}
