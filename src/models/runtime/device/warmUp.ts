import type { CachedSequence } from '../decoder/CachedSequence.js'
import { emptySequence } from '../decoder/CachedSequence.js'
import type { PassJob } from '../decoder/feeds.js'
import type { KvSlab } from '../decoder/kvSlab.js'
import type { KvMemory, Output } from '../decoder/memory.js'
import { WIDTHS } from './lanes.js'

const SHORT = 256

/**
 * Runs each shape of a decode step once, so no shader compiles in the middle of a run: every width at every power of two up to `most` lanes. Returns
 * the slab that it used.
 */
export async function warmUp(
  memory: Pick<KvMemory, 'run' | 'slab'>,
  output: Output,
  most: number,
): Promise<KvSlab<CachedSequence>> {
  const slab = memory.slab(SHORT)
  const cached = emptySequence()
  slab.add(cached)
  cached.slab = slab
  for (let lanes = 1; lanes <= most; lanes *= 2)
    for (const width of WIDTHS) {
      const tokenIds = Array<number>(width).fill(0)
      const job: PassJob = { cached, pass: { tokenIds, parents: tokenIds.map((_, i) => i - 1), kept: width, reads: [0] } }
      await memory.run(
        Array.from({ length: lanes }, () => ({ ...job })),
        { output, single: width === 1, top: 10 },
      )
    }
  return slab
}
