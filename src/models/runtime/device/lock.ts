const FREE = 0
const HELD = 1

/**
 * Runs `work` while no other thread of this process uses the GPU. All sessions of a process share one device, and the runtime crashes if two
 * threads use it at once.
 *
 * @param lock Int32[1] over memory that the threads share
 */
export async function withLock<T>(lock: Int32Array, work: () => Promise<T>): Promise<T> {
  while (Atomics.compareExchange(lock, 0, FREE, HELD) !== FREE) Atomics.wait(lock, 0, HELD)
  try {
    return await work()
  } finally {
    Atomics.store(lock, 0, FREE)
    Atomics.notify(lock, 0, 1)
  }
}
