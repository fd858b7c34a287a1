import type { PassJob } from './feeds.js'
import { widthClass } from './passes.js'

/** Most tokens in a run. More would make activations larger, but matrix products no faster. */
const TOKENS_A_RUN = 4096
/** Most numbers read in a run. */
const NUMBERS_A_RUN = 2 ** 24

/**
 * Groups passes into runs: one slab, similar length, the same output, within the limits above.
 *
 * @param widthOf numbers per read
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
