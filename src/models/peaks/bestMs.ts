import type { InferenceSession } from 'onnxruntime-node'
import { clock } from '../runtime/thread/protocol.js'

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
