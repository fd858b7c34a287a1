import { Worker } from 'node:worker_threads'
import { loopMessage, ModuleFailure, type Watched } from './moduleFailure.js'

const BEAT_MS = 100
/** How long a stopped run may take to save its finished rows. */
const GRACE_MS = 5_000

/**
 * Watches this thread from another one, since no timer fires here while a module loops, such as after an `await`. A loop is stopped after
 * `limitMs`, and `stop` gets the failure.
 *
 * @param modules the user's modules, for messages
 * @param exit called when the run has not ended some seconds later, with what to say
 */
export function watchLoops(
  { limitMs, modules }: Omit<Watched, 'beat'>,
  stop: (failure: ModuleFailure) => void,
  exit: (message: string) => void,
): void {
  const beat = new Int32Array(new SharedArrayBuffer(4))
  setInterval(() => Atomics.add(beat, 0, 1), BEAT_MS).unref()
  const workerData: Watched = { beat, limitMs, modules }
  const worker = new Worker(new URL('./loopWatcher.js', import.meta.url), { workerData })
  worker.on('message', (place: string) => {
    const failure = new ModuleFailure(loopMessage(place, limitMs))
    stop(failure)
    setTimeout(() => exit(failure.message), GRACE_MS)
  })
  // Without a watcher, only the protection is missing.
  worker.on('error', () => undefined)
  worker.unref()
}
