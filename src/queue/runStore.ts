import type { Job, Queue } from 'bullmq'
import * as z from 'zod'
import type { RunMeta } from '../core/run.js'
import { type Connection, QueueError } from './connect.js'
import { type JobData, type JobFigures, jobFigures } from './queueJob.js'

/** A run as the queue holds it. */
const runRecord = z.object({
  /** Made of the output, so that the same output is the same run. */
  id: z.string(),
  /** Made anew when a run begins or is replaced. */
  generation: z.string(),
  /** Flags of the command that submitted it, as a command line. A worker reads its models, decoder and settings from them. */
  args: z.array(z.string()),
  /** Folder, or s3:// address. */
  output: z.string(),
  meta: z.custom<RunMeta>((value) => typeof value === 'object' && value !== null && 'spec' in value),
  /** When it was first submitted, in milliseconds since the epoch. */
  submittedAt: z.number(),
  /** Runs with a smaller number come first. */
  priority: z.int(),
  /** Rows that the output had before. */
  rowsBefore: z.int(),
  /** False while its jobs are being added. */
  isWhole: z.boolean(),
})
export type RunRecord = z.output<typeof runRecord>

const RUNS = 'rxargs:runs'
const runKey = (id: string): string => `rxargs:run:${id}`
const jobsKey = (id: string): string => `${runKey(id)}:jobs`
const doneKey = (id: string): string => `${runKey(id)}:done`

/** Prefix and name of BullMQ's queue: its keys are `rxargs:jobs:…`. */
export const QUEUE = { name: 'jobs', prefix: 'rxargs' } as const

export type JobQueue = Queue<JobData>
export type QueueJob = Job<JobData>

/** Opens BullMQ's queue. Errors of the connection are told by the connection. */
export function openJobs({ bullmq, redis }: Connection): JobQueue {
  const queue = new bullmq.Queue<JobData>(QUEUE.name, {
    connection: redis,
    prefix: QUEUE.prefix,
    streams: { events: { maxLen: 1000 } },
  })
  queue.on('error', () => undefined)
  return queue
}

/** Reads the record of a run; undefined if the queue has none. */
export async function readRun({ redis, address }: Connection, id: string): Promise<RunRecord | undefined> {
  const text = await redis.hget(runKey(id), 'record')
  if (text === null) return undefined
  const { data } = runRecord.safeParse(JSON.parse(text))
  if (data === undefined)
    throw new QueueError(
      `The run ${id} of the queue at ${address} was submitted by another version of rxargs: use the same version`,
    )
  return data
}

export async function writeRun({ redis }: Connection, record: RunRecord): Promise<void> {
  await redis.multi().hset(runKey(record.id), 'record', JSON.stringify(record)).sadd(RUNS, record.id).exec()
}

export const runIds = async ({ redis }: Connection): Promise<string[]> => (await redis.smembers(RUNS)).sort()

/**
 * Takes numbers for jobs that are new, so that no two jobs of a run have the same.
 *
 * @returns the first of them
 */
export const takeNumbers = async ({ redis }: Connection, id: string, count: number): Promise<number> =>
  (await redis.hincrby(runKey(id), 'numbers', count)) - count

/** Rows of each job of a run, by the job's id. */
export async function runJobs({ redis }: Connection, id: string): Promise<ReadonlyMap<string, number>> {
  return new Map(Object.entries(await redis.hgetall(jobsKey(id))).map(([job, rows]) => [job, Number(rows)]))
}

export async function noteJobs({ redis }: Connection, id: string, jobs: ReadonlyMap<string, number>): Promise<void> {
  await redis.hset(jobsKey(id), jobs as Map<string, number>)
}

export async function forgetJobs({ redis }: Connection, id: string, jobs: readonly string[]): Promise<void> {
  if (jobs.length > 0)
    await redis
      .multi()
      .hdel(jobsKey(id), ...jobs)
      .hdel(doneKey(id), ...jobs)
      .exec()
}

/** Figures of the jobs that are done. A job that was decoded twice counts once. */
export async function doneJobs({ redis }: Connection, id: string): Promise<ReadonlyMap<string, JobFigures>> {
  const done = Object.entries(await redis.hgetall(doneKey(id)))
  return new Map(done.map(([job, text]) => [job, jobFigures.parse(JSON.parse(text))]))
}

export const isDone = async ({ redis }: Connection, id: string, job: string): Promise<boolean> =>
  (await redis.hexists(doneKey(id), job)) === 1

/**
 * Notes that a job is done.
 *
 * @returns whether all jobs of the run are done now
 */
export async function noteDone(connection: Connection, { id }: RunRecord, job: string, figures: JobFigures): Promise<boolean> {
  await connection.redis.hset(doneKey(id), job, JSON.stringify(figures))
  return isFinished(connection, id)
}

/** Whether a run has all its jobs and they are done. */
export async function isFinished(connection: Connection, id: string): Promise<boolean> {
  const record = await readRun(connection, id)
  if (record === undefined || !record.isWhole) return false
  const { redis } = connection
  return (await redis.hlen(doneKey(id))) >= (await redis.hlen(jobsKey(id)))
}

/** Whether a job still belongs to a run of the queue: the run may have been cancelled or replaced. */
export const isCurrent = async (connection: Connection, { id, generation }: RunRecord): Promise<boolean> =>
  (await readRun(connection, id))?.generation === generation

export async function deleteRun({ redis }: Connection, id: string): Promise<void> {
  await redis.multi().srem(RUNS, id).del(runKey(id), jobsKey(id), doneKey(id)).exec()
}
