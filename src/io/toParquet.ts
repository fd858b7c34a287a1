import type { Delivery, RowsOptions, Run } from '../core/run.js'
import { type HeldRows, heldRows, keyOf } from './parquet/heldRows.js'
import { listParts, preparePartFolder, removeEmpty, removeParts } from './parquet/partFiles.js'
import { type FlushPolicy, type PartWriter, partWriter } from './parquet/partWriter.js'
import { sameRun } from './parquet/sameRun.js'

export type ToParquetOptions = Readonly<{
  /** Start over: what the folder holds goes as soon as the first new part is complete, whatever options it was made with. */
  force?: boolean
  /** Make rows that ended in an error again; the new row takes the old one's place. */
  retryErrors?: boolean
  /** Aborted, rows that are finished are still written; then the promise is rejected with the signal's reason. */
  signal?: AbortSignal
  /** When rows become a part file, by the number of parts written before. */
  policy?: (part: number) => FlushPolicy
}>

export type Summary = Readonly<{
  /** Rows written now. */
  written: number
  /** How many of them are error rows. */
  errors: number
  /** Rows that the folder held already and the run left out. */
  skipped: number
  /** Paths of the part files written now. */
  files: readonly string[]
}>

const nothing: HeldRows = { parts: [], metas: new Map(), done: new Set(), failed: new Map() }

/** Rows into the writer, until they end, fail, cannot be written, or are no longer wanted. */
function drain(run: Run, options: RowsOptions, writer: PartWriter, tally: (delivery: Delivery) => void): Promise<void> {
  const { signal } = options
  return new Promise((resolve, reject) => {
    const subscription = run.deliveries(options).subscribe({
      next(delivery) {
        tally(delivery)
        writer.take(delivery)
      },
      error: (error: unknown) => reject(signal?.aborted ? signal.reason : error),
      complete: () => (signal?.aborted ? reject(signal.reason) : resolve()),
    })
    const abort = () => {
      subscription.unsubscribe()
      reject(signal?.reason)
    }
    subscription.add(() => signal?.removeEventListener('abort', abort))
    if (signal?.aborted) abort()
    else if (!subscription.closed) signal?.addEventListener('abort', abort, { once: true })
    writer.failure.catch((error: unknown) => {
      subscription.unsubscribe()
      reject(error)
    })
  })
}

/**
 * Writes a run's rows into a folder of Parquet part files, each complete or absent and readable while the run goes on. Rows
 * that the folder holds are left out, so that the same call again goes on where an earlier one stopped. One that fails before its first
 * part leaves no new folder.
 *
 * @throws OutputError when the folder holds rows made with other options, is no folder, or cannot be written
 */
export async function toParquet(folder: string, run: Run, options: ToParquetOptions = {}): Promise<Summary> {
  const { force = false, retryErrors = false, signal, policy } = options
  signal?.throwIfAborted()
  const isNew = await preparePartFolder(folder)
  // What is to be replaced need not be readable.
  const { parts, metas, done: there, failed } = force ? { ...nothing, parts: await listParts(folder) } : await heldRows(folder)
  for (const [path, meta] of metas) sameRun(path, meta, run.meta)
  const count = { written: 0, errors: 0, skipped: 0 }
  const done: RowsOptions['done'] = (key) => {
    const name = keyOf(key)
    const isDone = there.has(name) && !(retryErrors && failed.has(name))
    if (isDone) count.skipped++
    return isDone
  }
  const writer = partWriter({
    folder,
    meta: run.meta,
    replaces: force ? parts : [],
    failed: retryErrors ? failed : nothing.failed,
    policy,
  })
  let isComplete = false
  try {
    await drain(run, { done, signal }, writer, ({ row }) => {
      count.written++
      if (row.finishReason === 'error') count.errors++
    })
    isComplete = true
  } finally {
    await writer.close()
    if (isNew && !isComplete && writer.files.length === 0) await removeEmpty(folder)
  }
  if (force && writer.files.length === 0) await removeParts(parts)
  return { ...count, files: writer.files }
}
