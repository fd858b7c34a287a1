const FREE = 0
const TAKEN = 1

/**
 * Runs `work` while no other thread of this process uses the GPU. All sessions of a process share one device, and the runtime crashes
 * where two threads use it at once.
 *
 * @param lock Int32[1] over memory that the threads share
 */
export async function locked<T>(lock: Int32Array, work: () => Promise<T>): Promise<T> {
  while (Atomics.compareExchange(lock, 0, FREE, TAKEN) !== FREE) Atomics.wait(lock, 0, TAKEN)
  try {
    return await work()
  } finally {
    Atomics.store(lock, 0, FREE)
    Atomics.notify(lock, 0, 1)
  }
}
