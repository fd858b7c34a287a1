/**
 * New tokens of one sequence that go through the model together: a chain (a piece of the prompt), branches of candidates on top
 * of it, or both. `parents[i]` is the token before token i within the pass, -1 for the cached past.
 */
export type Pass = Readonly<{
  tokenIds: readonly number[]
  parents: readonly number[]
  /** Leading tokens that belong to the sequence: their keys and values go into the cache. */
  kept: number
  /** Tokens at which the head is read. */
  reads: readonly number[]
  /** Where a sequence is scored: the token that comes after each read. */
  next?: readonly number[]
  /** Whether hidden states are read, in place of the head. */
  states?: boolean
}>

/**
 * Prompts are cut at multiples of this, never where load would have it: the bits depend on the cut (design.md section 7). Small, so that
 * a long prompt stalls the others little and a shared beginning is found early; matrix products of fewer rows would be slower.
 */
export const CHUNK = 64

/** The pieces of `tokenIds` after `start` cached ones, cut on the grid; the last one carries the branches. At least one piece. */
export function planPasses(start: number, tokenIds: Int32Array, branches: readonly (readonly number[])[]): Pass[] {
  const passes: Pass[] = []
  let from = start
  for (let cut = CHUNK * (Math.floor(start / CHUNK) + 1); cut < tokenIds.length; from = cut, cut += CHUNK)
    passes.push({ ...chain(tokenIds.subarray(from, cut)), reads: [] })
  passes.push(withBranches(chain(tokenIds.subarray(from)), branches))
  return passes
}

/** The pieces of a chain after `start` cached tokens, read where the token `from` and each one after it comes next. */
export function planScoring(start: number, tokenIds: Int32Array, from: number): Pass[] {
  let at = start
  return planPasses(start, tokenIds.subarray(0, -1), []).map((pass) => {
    const first = at
    at += pass.kept
    const reads = Array.from(pass.tokenIds, (_, i) => i).filter((i) => first + i >= from - 1)
    return { ...pass, reads, next: reads.map((i) => tokenIds[first + i + 1]!) }
  })
}

/** The pieces of `planPasses`, hidden states being read at each token from `from` on and at the end of each branch. */
export function planStates(start: number, tokenIds: Int32Array, branches: readonly (readonly number[])[], from: number): Pass[] {
  let at = start
  return planPasses(start, tokenIds, branches).map((pass) => {
    const first = Math.max(0, from - at)
    at += pass.kept
    const reads = Array.from({ length: Math.max(0, pass.kept - first) }, (_, i) => first + i)
    return { ...pass, reads: [...reads, ...pass.reads], states: true }
  })
}

const chain = (tokenIds: Int32Array) => ({
  tokenIds: Array.from(tokenIds),
  parents: Array.from(tokenIds, (_, index) => index - 1),
  kept: tokenIds.length,
})

/** One read a branch, at its last token; an empty branch is read at the last token of the chain. */
function withBranches(base: Omit<Pass, 'reads'>, branches: readonly (readonly number[])[]): Pass {
  const tokenIds = [...base.tokenIds]
  const parents = [...base.parents]
  const reads = branches.map((branch) => {
    let parent = base.kept - 1
    for (const tokenId of branch) {
      parents.push(parent)
      parent = tokenIds.push(tokenId) - 1
    }
    return parent
  })
  return { tokenIds, parents, kept: base.kept, reads }
}

/** Positions within the pass: a token's distance to the cached past. Candidates of one step share theirs. */
export function depths({ parents }: Pass): Int32Array {
  const depth = new Int32Array(parents.length)
  parents.forEach((parent, index) => {
    depth[index] = parent < 0 ? 0 : depth[parent]! + 1
  })
  return depth
}

/** Trees of up to so many tokens share a run whatever their sizes. */
const SMALL = 16

/**
 * Whether passes go in one run: tokens differ by less than a factor of two, or are few, so that attention, which alone is padded, computes
 * little for nothing. Runs of one token (decode) are never mixed with longer ones: their matrix products round differently.
 */
export const widthClass = (tokens: number): number => Math.ceil(Math.log2(Math.max(tokens, SMALL)))
