import { randomUUID } from 'node:crypto'
import { type Added, addJobs, hashIn, type Outstanding, type RowToMake, takeUp } from './addJobs.js'
import type { Connection } from './connect.js'
import { takeBack } from './controlQueue.js'
import { deleteRun, doneJobs, isFinished, openJobs, type RunRecord, readRun, writeRun } from './runStore.js'

/** A run as its command line describes it. */
export type SubmitRequest = Pick<RunRecord, 'id' | 'args' | 'output' | 'meta' | 'priority'> & Readonly<{ jobRows: number }>

/** What `submitRun` has added; `undo` takes it back. */
export type Submitted = Readonly<{
  jobs: number
  rows: number
  waiting: number
  retried: number
  undo: () => Promise<void>
}>

export type RunSource = Readonly<{
  /** Gives the rows to add. Rows for which `waits` is true are in the queue already. */
  rows: (waits: (row: Readonly<{ id: string; sample: number; promptHash: string }>) => boolean) => AsyncIterable<RowToMake>
  /** Called with a row that waits in the queue, but is made from another prompt now. It throws. */
  refuse: (row: Readonly<{ id: string; sample: number }>) => never
}>

/**
 * Adds the rows of a run to the queue that are not there yet. What it has added is taken back if it fails.
 *
 * The run is not whole until `closeRun`: workers may finish all its jobs before the last one is added.
 */
export async function submitRun(connection: Connection, request: SubmitRequest, { rows, refuse }: RunSource): Promise<Submitted> {
  const { jobRows, ...fields } = request
  const earlier = await readRun(connection, request.id)
  const record: RunRecord = {
    ...fields,
    generation: earlier?.generation ?? randomUUID(),
    submittedAt: earlier?.submittedAt ?? Date.now(),
    rowsBefore: earlier?.rowsBefore ?? 0,
    isWhole: false,
  }
  const queue = openJobs(connection)
  await writeRun(connection, record)
  const added: Added = { jobs: [], rows: 0 }
  let waiting = 0
  const undo = async (): Promise<void> => {
    await takeBack(connection, record.id, added.jobs)
    await (earlier === undefined ? deleteRun(connection, record.id) : writeRun(connection, earlier))
  }
  try {
    const outstanding: Outstanding = await takeUp(connection, queue, record)
    const waits = (row: Readonly<{ id: string; sample: number; promptHash: string }>): boolean => {
      const hash = hashIn(outstanding, row)
      if (hash === undefined) return false
      if (hash !== row.promptHash) refuse(row)
      waiting++
      return true
    }
    await addJobs(connection, queue, record, rows(waits), jobRows, added)
    return { jobs: added.jobs.length, rows: added.rows, waiting, retried: outstanding.retried, undo }
  } catch (error) {
    await undo()
    throw error
  } finally {
    await queue.close()
  }
}

/**
 * Ends the submission of a run.
 *
 * @param held how many of its rows the output holds
 * @returns whether all its jobs are done
 */
export async function closeRun(connection: Connection, id: string, held: number): Promise<boolean> {
  const record = await readRun(connection, id)
  if (record === undefined) return true
  const done = [...(await doneJobs(connection, id)).values()].reduce((sum, { rows }) => sum + rows, 0)
  await writeRun(connection, { ...record, rowsBefore: Math.max(0, held - done), isWhole: true })
  return isFinished(connection, id)
}
