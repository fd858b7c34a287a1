import type { Connection } from './connect.js'
import { doneJobs, openJobs, type QueueJob, type RunRecord, readRun, runIds, runJobs } from './runStore.js'
import { liveWorkers, type WorkerState } from './workers.js'

/** A job that failed in all its attempts, or whose workers died too often. */
export type DeadLetter = Readonly<{ job: string; run: string; rows: number; attempts: number; reason: string }>

/** How far a run is. `rows` counts those that were in the output before, too. */
export type RunState = Pick<RunRecord, 'id' | 'output' | 'priority' | 'submittedAt' | 'isWhole'> &
  Readonly<{
    jobs: number
    jobsDone: number
    rows: number
    rowsDone: number
    /** Of the rows that the queue has made. */
    errors: number
    tokens: number
    meanReward: number | null
    /** Rows and tokens a second, over all workers. */
    speed: Readonly<{ rows: number; tokens: number }>
    /** Seconds until the run is done; null if nothing is decoded. */
    secondsLeft: number | null
    dead: number
  }>

export type QueueState = Readonly<{
  isPaused: boolean
  /** Jobs by what they wait for. `delayed` ones have failed and are tried again. */
  jobs: Readonly<{ waiting: number; active: number; delayed: number; dead: number }>
  runs: readonly RunState[]
  workers: readonly WorkerState[]
  dead: readonly DeadLetter[]
}>

/** Reads the state of a queue: its runs, workers and failed jobs. */
export async function queueState(connection: Connection): Promise<QueueState> {
  const queue = openJobs(connection)
  try {
    const workers = await liveWorkers(connection)
    const counts = await queue.getJobCounts('wait', 'prioritized', 'active', 'delayed', 'failed')
    const failed = ((await queue.getFailed()) as QueueJob[]).filter((job) => job?.data !== undefined)
    const dead = failed.map(({ id, data, attemptsMade, failedReason }) => ({
      ...{ job: id!, run: data.run, rows: data.rows, attempts: attemptsMade, reason: failedReason ?? 'no reason is known' },
    }))
    const runs: RunState[] = []
    for (const id of await runIds(connection)) {
      const record = await readRun(connection, id)
      if (record !== undefined) runs.push(await runState(connection, record, workers, dead))
    }
    const { wait = 0, prioritized = 0, active = 0, delayed = 0, failed: deadCount = 0 } = counts
    return {
      isPaused: await queue.isPaused(),
      jobs: { waiting: wait + prioritized, active, delayed, dead: deadCount },
      runs: runs.sort((a, b) => a.priority - b.priority || a.submittedAt - b.submittedAt),
      ...{ workers, dead },
    }
  } finally {
    await queue.close()
  }
}

async function runState(
  connection: Connection,
  { id, output, priority, submittedAt, isWhole, rowsBefore }: RunRecord,
  workers: readonly WorkerState[],
  dead: readonly DeadLetter[],
): Promise<RunState> {
  const jobs = await runJobs(connection, id)
  const done = [...(await doneJobs(connection, id)).values()]
  const sum = (of: (figures: (typeof done)[number]) => number): number => done.reduce((all, figures) => all + of(figures), 0)
  const rewarded = sum((figures) => figures.rewarded)
  const own = workers.filter((worker) => worker.run === id)
  const speed = {
    rows: own.reduce((all, worker) => all + worker.speed.rows, 0),
    tokens: own.reduce((all, worker) => all + worker.speed.tokens, 0),
  }
  const rows = rowsBefore + [...jobs.values()].reduce((all, each) => all + each, 0)
  const rowsDone = rowsBefore + sum((figures) => figures.rows)
  return {
    ...{ id, output, priority, submittedAt, isWhole, speed, rows, rowsDone },
    ...{ jobs: jobs.size, jobsDone: done.length },
    ...{ errors: sum(({ errors }) => errors), tokens: sum(({ tokens }) => tokens) },
    meanReward: rewarded === 0 ? null : sum(({ reward }) => reward) / rewarded,
    secondsLeft: speed.rows === 0 ? null : (rows - rowsDone) / speed.rows,
    dead: dead.filter(({ run }) => run === id).length,
  }
}
