/**
 * New tokens of one sequence that go through the model together: a chain (a piece of the prompt), branches of candidates after it, or both.
 * `parents[i]` is the token before token i within the pass, -1 for the cached past.
 */
export type Pass = Readonly<{
  tokenIds: readonly number[]
  parents: readonly number[]
  /** Number of leading tokens that belong to the sequence. Their keys and values go into the cache. */
  kept: number
  /** Tokens at which the head reads. */
  reads: readonly number[]
  /** To score a sequence: the token after each read. */
  next?: readonly number[]
  /** Reads hidden states instead of the head's output. */
  states?: boolean
}>

/**
 * Prompts are cut at multiples of this, never by load, because the bits depend on the cut (src/README.md, "Why bits do not depend on load"). A small
 * chunk stalls other prompts less and finds shared beginnings early; an even smaller one would slow down matrix products.
 */
export const CHUNK = 64

/** Cuts `tokenIds` after `start` cached ones on the grid, into at least one pass. The last pass has the branches. */
export function planPasses(start: number, tokenIds: Int32Array, branches: readonly (readonly number[])[]): Pass[] {
  const passes: Pass[] = []
  let from = start
  for (let cut = CHUNK * (Math.floor(start / CHUNK) + 1); cut < tokenIds.length; from = cut, cut += CHUNK)
    passes.push({ ...chain(tokenIds.subarray(from, cut)), reads: [] })
  passes.push(withBranches(chain(tokenIds.subarray(from)), branches))
  return passes
}

/** Cuts a chain after `start` cached tokens into passes that read the logits of each token from `from` on. */
export function planScoring(start: number, tokenIds: Int32Array, from: number): Pass[] {
  let at = start
  return planPasses(start, tokenIds.subarray(0, -1), []).map((pass) => {
    const first = at
    at += pass.kept
    const reads = Array.from(pass.tokenIds, (_, i) => i).filter((i) => first + i >= from - 1)
    return { ...pass, reads, next: reads.map((i) => tokenIds[first + i + 1]!) }
  })
}

/** Like `planPasses`, but reads hidden states at each token from `from` on and at the end of each branch. */
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

/** Adds branches with one read each: at the last token, or for an empty branch at the chain's last token. */
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

/** Distance of each token to the cached past. Candidates of one step have the same. */
export function depths({ parents }: Pass): Int32Array {
  const depth = new Int32Array(parents.length)
  parents.forEach((parent, index) => {
    depth[index] = parent < 0 ? 0 : depth[parent]! + 1
  })
  return depth
}

/** Trees of up to this many tokens share a run at any size. */
const SMALL = 16

/**
 * Class of passes that share a run: their lengths differ by less than a factor of two, or all are short. That bounds the padding in attention.
 * Passes of one token (decode) never join longer ones: their matrix products round differently.
 */
export const widthClass = (tokens: number): number => Math.ceil(Math.log2(Math.max(tokens, SMALL)))
