import type { PassJob } from './feeds.js'
import { widthClass } from './passes.js'

/** Tokens of one run at most; more would only make the activations larger, not the matrix products faster. */
const TOKENS_A_RUN = 4096
/** Numbers that are read in one run at most. */
const NUMBERS_A_RUN = 2 ** 24

/**
 * Passes that share a run: one slab, a like number of tokens, the same output, not too many in all.
 *
 * @param widthOf numbers that are read at a position
 */
export function runGroups<J extends PassJob & Readonly<{ single: boolean }>>(
  jobs: readonly J[],
  widthOf: (job: J) => number,
): J[][] {
  const groups = new Map<string, J[]>()
  for (const job of jobs) {
    const width = job.single ? 0 : widthClass(job.pass.tokenIds.length)
    const key = `${job.cached.slab!.longest}/${width}/${job.pass.states ?? false}`
    const group = groups.get(key)
    if (group) group.push(job)
    else groups.set(key, [job])
  }
  return [...groups.values()].flatMap((group) => {
    const widest = Math.max(...group.map(({ pass }) => pass.tokenIds.length))
    const numbers = widthOf(group[0]!) * Math.max(1, ...group.map(({ pass }) => pass.reads.length))
    const rows = Math.max(1, Math.floor(Math.min(TOKENS_A_RUN / widest, NUMBERS_A_RUN / numbers)))
    return Array.from({ length: Math.ceil(group.length / rows) }, (_, i) => group.slice(i * rows, (i + 1) * rows))
  })
}
