import type { InferenceSession } from 'onnxruntime-node'
import { clock } from '../runtime/watch.js'

/** The most that the runtime's fp32 products reach on a machine. */
export type Peaks = Readonly<{
  /** 10^9 operations a second of products with many rows. */
  peak_gflops: number
  /** 10^9 bytes of weights a second that a product of one row reads from memory. */
  peak_read_gb_s: number
}>

const TRIES = 12

/** The shortest of a few runs in milliseconds. The session is released. */
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
