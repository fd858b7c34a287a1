import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../core/errors.js'
import { type Connection, QueueError } from './connect.js'
import type { JobData, JobFigures } from './queueJob.js'
import { isCurrent, isDone, noteDone, openJobs, QUEUE, type QueueJob, type RunRecord, readRun } from './runStore.js'
import { noteWorker, removeWorker } from './workers.js'

/**
 * When a job whose worker is gone is free for another one. Its lock ends `lockMs` after the last renewal, and a check after that frees it. All
 * workers check in turn, each every `checkMs` unless another one has just done so: two checks are at most twice that apart. So it takes at most
 * `lockMs + 2 * checkMs`.
 */
export const TAKEOVER = { lockMs: 5_000, checkMs: 2_000 } as const
/** A job whose workers die this often has failed: it may be what kills them. */
const MOST_STALLS = 25
const BEAT_MS = 1_000
/** How long to wait for the server when the worker ends. */
const CLOSE_MS = 3_000
/** How long an idle worker waits for a job before it looks itself, in seconds. */
const DRAIN_S = 2

/** This worker cannot decode the run, whatever the job: it gives the job back and ends. */
export class UnfitWorker extends QueueError {}

/** Why a job stops before its end. */
class JobLeft extends Error {
  constructor(readonly why: 'cancelled' | 'given back') {
    super(`The job was ${why}`)
  }
}

export type JobControl = Readonly<{
  id: string
  /** Aborts when the job is cancelled, or given back. */
  signal: AbortSignal
  /** Whether the job is still this worker's. A worker that was away for long may have lost it to another. */
  isOwn: () => Promise<boolean>
}>

/** What happens to a job in the hands of this worker, or to the queue. */
export type WorkEvent =
  | 'job_start'
  | 'job_done'
  /** It failed, and is tried again. */
  | 'job_retry'
  /** It failed for the last time. */
  | 'job_dead'
  /** It was given back, because this worker ends. */
  | 'job_returned'
  | 'job_cancelled'
  /** Another worker has it. */
  | 'job_lost'
  /** Its worker said nothing for too long. It waits again. */
  | 'job_stalled'
  | 'queue_paused'
  | 'queue_resumed'

export type WorkOptions = Readonly<{
  /** Decodes a job and writes its part. */
  decode: (record: RunRecord, job: JobData, control: JobControl) => Promise<JobFigures>
  /** Called once all jobs of a run are done. */
  finish: (record: RunRecord) => Promise<void>
  /** How fast this worker is now. */
  speed: () => Readonly<{ rows: number; tokens: number }>
  /** End when there is nothing to do any more, for any worker. */
  exitWhenIdle: boolean
  /** How long a job may go on after an abort, in milliseconds, before it is given back. */
  graceMs: number
  signal: AbortSignal
  onNotice: (notice: string) => void
  onEvent: (event: WorkEvent, fields: Readonly<Record<string, unknown>>) => void
}>

/**
 * Takes jobs from the queue, one after another, until the signal aborts, or there is nothing to do. The event loop must stay free, so that
 * locks are renewed: decoding belongs elsewhere.
 *
 * @returns how many jobs it has done
 * @throws UnfitWorker if this worker cannot decode a run of the queue
 */
export async function work(connection: Connection, options: WorkOptions): Promise<number> {
  const { bullmq, redis } = connection
  const { exitWhenIdle, graceMs, signal, onNotice, onEvent } = options
  const queue = openJobs(connection)
  const me = { id: randomUUID(), host: hostname(), pid: process.pid, startedAt: Date.now() }
  let done = 0
  let isPaused = false
  let unfit: UnfitWorker | undefined
  let current: Readonly<{ record: RunRecord; job: QueueJob; left: AbortController }> | undefined
  let end: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })

  const takeJob = async (job: QueueJob, token = ''): Promise<void> => {
    const record = await readRun(connection, job.data.run)
    // A job of a cancelled run ends here, as does one whose worker died when all but the last word was said.
    if (record === undefined || record.generation !== job.data.generation) return
    if (await isDone(connection, record.id, job.id!)) return
    const left = new AbortController()
    current = { record, job, left }
    const attempt = job.attemptsMade + 1
    const tell = (event: WorkEvent, fields: Readonly<Record<string, unknown>> = {}): void =>
      onEvent(event, { run: record.id, job: job.id, part: job.data.part, attempt, ...fields })
    const startedAt = performance.now()
    let isLost = false
    tell('job_start', { output: record.output, rows: job.data.rows })
    try {
      const isOwn = async () => {
        isLost = (await job.extendLock(token, TAKEOVER.lockMs)) === 0
        if (!(await isCurrent(connection, record))) left.abort(new JobLeft('cancelled'))
        return !isLost && !left.signal.aborted
      }
      const figures = await options.decode(record, job.data, { id: job.id!, signal: left.signal, isOwn })
      const { rows, errors, tokens, reward, rewarded } = figures
      const isLast = await noteDone(connection, record, job.id!, figures)
      tell('job_done', {
        ...{ rows, errors, tokens, mean_reward: rewarded === 0 ? undefined : reward / rewarded },
        duration_ms: performance.now() - startedAt,
      })
      if (isLast) await options.finish(record)
      done++
    } catch (error) {
      const why: unknown = left.signal.aborted ? left.signal.reason : error
      if (why instanceof JobLeft && why.why === 'cancelled') return tell('job_cancelled')
      if (why instanceof UnfitWorker) unfit ??= why
      if (!(why instanceof UnfitWorker || why instanceof JobLeft)) {
        const reason = messageOf(why)
        const attempts = job.opts.attempts ?? 1
        tell(isLost ? 'job_lost' : attempt < attempts ? 'job_retry' : 'job_dead', { attempts, reason })
        throw why
      }
      tell('job_returned', { reason: why.message })
      end()
      await job.moveToWait(token)
      throw new bullmq.WaitingError()
    } finally {
      current = undefined
    }
  }

  const worker = new bullmq.Worker<JobData>(QUEUE.name, takeJob, {
    ...{ connection: redis, prefix: QUEUE.prefix, autorun: false, concurrency: 1 },
    ...{ lockDuration: TAKEOVER.lockMs, stalledInterval: TAKEOVER.checkMs, maxStalledCount: MOST_STALLS },
    ...{ drainDelay: DRAIN_S, runRetryDelay: BEAT_MS },
  })
  // The connection tells what is wrong with it. A lock that is lost shows before the part is written.
  worker.on('error', () => undefined)
  worker.on('stalled', (job) => onEvent('job_stalled', { job }))
  // A job whose workers died too often is not given out any more.
  worker.on('failed', (job, error) => {
    if (error instanceof bullmq.UnrecoverableError)
      onEvent('job_dead', { run: job?.data.run, job: job?.id, part: job?.data.part, reason: error.message })
  })

  const beat = async (): Promise<void> => {
    if (current !== undefined && !(await isCurrent(connection, current.record))) current?.left.abort(new JobLeft('cancelled'))
    const job = current && { run: current.record.id, job: current.job.id! }
    await noteWorker(connection, { ...me, ...job, done, speed: options.speed() })
    const pausedNow = await queue.isPaused()
    if (pausedNow !== isPaused) onEvent(pausedNow ? 'queue_paused' : 'queue_resumed', {})
    isPaused = pausedNow
    if (!exitWhenIdle || current !== undefined) return
    const counts = await queue.getJobCounts('wait', 'prioritized', 'active', 'delayed')
    if (Object.values(counts).every((count) => count === 0)) end()
  }
  const beating = new AbortController()
  const beats = (async () => {
    while (!beating.signal.aborted) {
      await beat().catch(() => undefined)
      await sleep(BEAT_MS, undefined, { signal: beating.signal }).catch(() => undefined)
    }
  })()

  const stop = (): void => {
    end()
    if (current === undefined) return
    onNotice(`Finishing the job ${current.job.id}; after ${graceMs / 1000} s it goes back to the queue`)
    setTimeout(() => current?.left.abort(new JobLeft('given back')), graceMs).unref()
  }
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  try {
    worker.run().catch((error: unknown) => onNotice(`The worker failed: ${String(error)}`))
    await ended
    // Waits for the job that is under way.
    const closing = worker.close()
    while (current !== undefined) await sleep(50)
    beating.abort()
    await Promise.race([Promise.all([closing, beats, removeWorker(connection, me.id)]), sleep(CLOSE_MS)])
  } finally {
    signal.removeEventListener('abort', stop)
    beating.abort()
  }
  if (unfit !== undefined) throw unfit
  return done
}
