import type { KvSlab, Resident } from './kvSlab.js'
import { CHUNK, type Pass } from './passes.js'

/** Branches that may yet become part of the sequence. Their keys and values lie in its row, behind the cached tokens. */
export type PendingTree = Readonly<{
  pass: Pass
  /** Position of the row where the first of them lies. */
  position: number
  /** Reward by token of the pass, where one was read. */
  rewards: ReadonlyMap<number, number>
}>

/** One sequence's place in the cache. */
export type CachedSequence = Resident & {
  /** Tokens whose keys and values lie in the slab. */
  tokenIds: number[]
  /** Of these, the leading ones that were read in whole chunks: what another sequence with the same beginning would compute, too. */
  chunked: number
  slab?: KvSlab<CachedSequence>
  /** Trees on top of the cached tokens: one, or several where candidates are scored in stages. */
  trees: PendingTree[]
  /** Whether its keys are rotated as those of a long sequence (`longAfter` of buildGraph.ts). */
  long: boolean
  /** A result was not finite: the row must be zeroed before another uses it. */
  dirty: boolean
}

export const emptySequence = (): CachedSequence => ({ slot: -1, tokenIds: [], chunked: 0, trees: [], long: false, dirty: false })

/** Positions of the row that are taken, by tokens and by trees. */
export function positionsTaken({ tokenIds, trees }: CachedSequence): number {
  const last = trees.at(-1)
  return last ? last.position + branchTokens(last.pass) : tokenIds.length
}

/** Writes keys and values of `count` tokens of a pass, from the token `from` on, to `position` on of the sequence's row. */
export type Write = (position: number, from: number, count: number) => void

/** Where in the row the branches of a pass go: behind its chain, or behind all that is there. */
export const branchPosition = (cached: CachedSequence, { kept }: Pass): number =>
  kept > 0 ? cached.tokenIds.length + kept : positionsTaken(cached)

/** Writes what a pass computed: its chain behind the cached tokens, its branches behind all that is there. */
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

/** Forgets the cached tokens from `length` on. */
export function truncate(cached: CachedSequence, length: number): void {
  cached.tokenIds.length = length
  cached.chunked = Math.min(cached.chunked, CHUNK * Math.floor(length / CHUNK))
  cached.trees.length = 0
}

/**
 * Makes the cache a prefix of `target`: takes over what a tree already computed for the tokens that were chosen, or drops
 * what differs. Returns the reward read at the last token of `target`, when a tree had it.
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
    // A path's tokens lie in its order and no earlier than where they go: none is overwritten before its turn.
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
