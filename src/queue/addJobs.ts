import type { Prompt } from '../core/prompt.js'
import type { RowKey } from '../core/run.js'
import { hash } from '../core/uniform.js'
import type { Connection } from './connect.js'
import { type JobData, packPrompts, type QueuedPrompt, unpackPrompts } from './queueJob.js'
import { doneJobs, forgetJobs, type JobQueue, noteJobs, type QueueJob, type RunRecord, runJobs, takeNumbers } from './runStore.js'

/** A row to decode. */
export type RowToMake = Readonly<{ prompt: Prompt; promptHash: string; sample: number }>

/** How often a job is tried, and how long after a failure: 1 s, 2 s, 4 s, … */
const ATTEMPTS = 5
const BACKOFF_MS = 1_000
/** Jobs are read and added in groups of so many. */
const GROUP = 100
/** Part numbers of a run are apart from those of an earlier run in the same folder, and from those that `generate` takes. */
const NUMBERS = 1_000_000

const rowKey = ({ id, sample }: RowKey): string => `${sample} ${id}`

/** What a run still has in the queue. */
export type Outstanding = Readonly<{
  /** Hash of each prompt that waits, by sample and id. */
  hashes: ReadonlyMap<string, string>
  /** Failed jobs that are tried again. */
  retried: number
}>

export const hashIn = ({ hashes }: Outstanding, key: RowKey): string | undefined => hashes.get(rowKey(key))

/**
 * Reads which rows of a run are in the queue. Failed jobs are tried again. Jobs that are neither there nor done, as a server that lost its
 * data leaves them, are forgotten, so that their rows are added anew.
 */
export async function takeUp(connection: Connection, queue: JobQueue, { id }: RunRecord): Promise<Outstanding> {
  const hashes = new Map<string, string>()
  const lost: string[] = []
  let retried = 0
  const names = [...(await runJobs(connection, id)).keys()]
  for (let from = 0; from < names.length; from += GROUP) {
    const group = names.slice(from, from + GROUP)
    const jobs = await Promise.all(group.map((name) => queue.getJob(name) as Promise<QueueJob | undefined>))
    // Read afterwards: a job that is done meanwhile is in neither list otherwise.
    const done = await doneJobs(connection, id)
    for (const [index, job] of jobs.entries()) {
      if (job === undefined) {
        if (!done.has(group[index]!)) lost.push(group[index]!)
        continue
      }
      if (await job.isFailed()) {
        await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true })
        retried++
      }
      for (const { prompt, promptHash, samples } of unpackPrompts(job.data.prompts))
        for (const sample of samples) hashes.set(rowKey({ id: prompt.id, sample }), promptHash)
    }
  }
  await forgetJobs(connection, id, lost)
  return { hashes, retried }
}

/** Ids of the jobs that were added, and how many rows they have. */
export type Added = { readonly jobs: string[]; rows: number }

/**
 * Adds jobs for rows, at most `jobRows` rows each, and all samples of a prompt to one job. The rows come prompt by prompt.
 *
 * @param added gets the jobs, so that the caller can take them back if a later row fails
 */
export async function addJobs(
  connection: Connection,
  queue: JobQueue,
  record: RunRecord,
  rows: AsyncIterable<RowToMake>,
  jobRows: number,
  added: Added,
): Promise<void> {
  let waiting: QueuedPrompt[][] = []
  const flush = async (): Promise<void> => {
    if (waiting.length === 0) return
    const first = await takeNumbers(connection, record.id, waiting.length)
    const jobs = waiting.map((prompts, index) => jobOf(record, first + index, prompts))
    // Noted first: a job that is only noted is found and added again, one that is only in the queue would not be counted.
    await noteJobs(connection, record.id, new Map(jobs.map(({ opts, data }) => [opts.jobId, data.rows])))
    added.jobs.push(...jobs.map(({ opts }) => opts.jobId))
    await queue.addBulk(jobs)
    added.rows += jobs.reduce((sum, { data }) => sum + data.rows, 0)
    waiting = []
  }
  for await (const prompts of groupRows(rows, jobRows)) {
    waiting.push(prompts)
    if (waiting.length === GROUP) await flush()
  }
  await flush()
}

/** Groups rows into the prompts of jobs. */
export async function* groupRows(rows: AsyncIterable<RowToMake>, jobRows: number): AsyncGenerator<QueuedPrompt[]> {
  let prompts: { prompt: Prompt; promptHash: string; samples: number[] }[] = []
  let count = 0
  for await (const { prompt, promptHash, sample } of rows) {
    const last = prompts.at(-1)
    if (last?.prompt.id === prompt.id) last.samples.push(sample)
    else {
      if (count >= jobRows) {
        yield prompts
        prompts = []
        count = 0
      }
      prompts.push({ prompt, promptHash, samples: [sample] })
    }
    count++
  }
  if (prompts.length > 0) yield prompts
}

function jobOf({ id, generation, priority }: RunRecord, number: number, prompts: readonly QueuedPrompt[]) {
  const rows = prompts.reduce((sum, { samples }) => sum + samples.length, 0)
  const data: JobData = {
    ...{ run: id, generation, rows },
    part: (number + 1) * NUMBERS + (hash(generation, 0) % NUMBERS),
    prompts: packPrompts(prompts),
  }
  const opts = {
    ...{ jobId: `${id}-${number}`, priority, attempts: ATTEMPTS },
    ...{ backoff: { type: 'exponential', delay: BACKOFF_MS }, removeOnComplete: true, removeOnFail: false },
  }
  return { name: 'decode', data, opts }
}
