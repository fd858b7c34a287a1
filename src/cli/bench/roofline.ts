import type { LinearWork } from '../../models/linearWork.js'
import type { Peaks } from '../../models/peaks/peak.js'
import { READ_BYTES } from '../../models/peaks/readPeak.js'
import type { Recording } from './figures.js'

/**
 * Of the wall time, about the least that the linear layers of these runs take on a machine: for each run its operations at the machine's peak, or its
 * weights at the speed of its memory, whichever takes longer. Weights that caches may hold are not counted. Null where the work of a model is not known.
 *
 * @see Williams, Waterman and Patterson (2009), "Roofline: an insightful visual performance model for multicore architectures"
 */
export function rooflineShare(
  { startedAt, endedAt, runs }: Pick<Recording, 'startedAt' | 'endedAt' | 'runs'>,
  work: Readonly<Record<string, LinearWork>>,
  { peak_gflops: gflops, peak_read_gb_s: gbs }: Peaks,
): number | null {
  let ms = 0
  for (const [model, each] of Object.entries(runs)) {
    const known = work[model]
    if (!known) return null
    const reading = known.bytes < READ_BYTES ? 0 : known.bytes / gbs
    for (const run of each) ms += Math.max(known.flops(run) / gflops, reading) / 1e6
  }
  return ms / (endedAt - startedAt)
}
