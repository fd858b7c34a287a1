import type { InferenceSession } from 'onnxruntime-node'
import { clock } from '../../core/observe/observer.js'

/** Peak speed of the runtime's fp32 products on a machine. */
export type Peaks = Readonly<{
  /** 10^9 operations per second, in products with many rows. */
  peak_gflops: number
  /** 10^9 bytes of weights per second that a product of one row reads from memory. */
  peak_read_gb_s: number
}>

const TRIES = 12

/** Measures the shortest of a few runs in milliseconds, and releases the session. */
export async function bestMs(
  session: InferenceSession,
  feeds: InferenceSession.FeedsType,
  fetches: InferenceSession.FetchesType,
): Promise<number> {
  try {
    let best = Number.POSITIVE_INFINITY
    for (let tried = 0; tried < TRIES; tried++) {
      const startedAt = clock()
      await session.run(feeds, fetches)
      best = Math.min(best, clock() - startedAt)
    }
    return best
  } finally {
    await session.release()
  }
}
