import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from './connect.js'
import { deleteRun, forgetJobs, type JobQueue, openJobs, type QueueJob, runJobs } from './runStore.js'

const GROUP = 100
/** Workers look every second whether their run is still there; a dead worker's job is free after 5 s and taken over within 10 s. */
const CANCEL_MS = 15_000
const LOOK_MS = 200

/** Keeps workers from taking further jobs until `resumeQueue`. Jobs that are under way go on. */
export const pauseQueue = (connection: Connection): Promise<void> => withJobs(connection, (queue) => queue.pause())

export const resumeQueue = (connection: Connection): Promise<void> => withJobs(connection, (queue) => queue.resume())

/**
 * Removes a run with all its jobs. Workers that decode one of them stop within a second or two.
 *
 * @returns how many jobs were still under way after some seconds; their workers will drop them
 */
export async function cancelRun(connection: Connection, id: string): Promise<number> {
  return withJobs(connection, async (queue) => {
    let jobs = [...(await runJobs(connection, id)).keys()]
    // From here on no worker writes a part of the run.
    await deleteRun(connection, id)
    const until = Date.now() + CANCEL_MS
    for (;;) {
      jobs = await removeJobs(connection, queue, id, jobs)
      if (jobs.length === 0 || Date.now() > until) return jobs.length
      await sleep(LOOK_MS)
    }
  })
}

/**
 * Queues failed jobs again.
 *
 * @param run only those of this run
 * @returns how many there were
 */
export async function retryDead(connection: Connection, run?: string): Promise<number> {
  return withJobs(connection, async (queue) => {
    const dead = ((await queue.getFailed()) as QueueJob[]).filter(({ data }) => run === undefined || data.run === run)
    for (const job of dead) await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true })
    return dead.length
  })
}

/** Removes jobs that were added just now. One that a worker decodes already stays. */
export const takeBack = (connection: Connection, run: string, jobs: readonly string[]): Promise<unknown> =>
  withJobs(connection, (queue) => removeJobs(connection, queue, run, jobs))

/**
 * Removes jobs from the queue.
 *
 * @returns those that a worker holds, which cannot be removed
 */
async function removeJobs(connection: Connection, queue: JobQueue, run: string, jobs: readonly string[]): Promise<string[]> {
  const held: string[] = []
  for (let from = 0; from < jobs.length; from += GROUP) {
    const group = jobs.slice(from, from + GROUP)
    const removed = await Promise.all(
      group.map(async (job) => (await queue.remove(job)) === 1 || (await queue.getJob(job)) === undefined),
    )
    held.push(...group.filter((_, index) => !removed[index]))
  }
  const heldJobs = new Set(held)
  await forgetJobs(
    connection,
    run,
    jobs.filter((job) => !heldJobs.has(job)),
  )
  return held
}

async function withJobs<T>(connection: Connection, use: (queue: JobQueue) => Promise<T>): Promise<T> {
  const queue = openJobs(connection)
  try {
    return await use(queue)
  } finally {
    await queue.close()
  }
}
