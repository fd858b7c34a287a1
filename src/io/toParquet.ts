import * as z from 'zod'
import { OutputError } from '../core/errors.js'
import { aFunction, aPath, aRun, aSignal, parseOptions } from '../core/parseOptions.js'
import type { Row, RowsOptions, Run } from '../core/run.js'
import { type HeldRows, heldRows, keyOf } from './parquet/heldRows.js'
import { listParts } from './parquet/partFiles.js'
import { type FlushPolicy, type PartReport, type PartWriter, partWriter } from './parquet/partWriter.js'
import { checkVersions, sameRun } from './parquet/sameRun.js'
import { openStore } from './stores/openStore.js'
import type { PartStore } from './stores/PartStore.js'
import { checkQueueHolds } from './stores/queueHold.js'
import { strayFiles } from './strayFiles.js'

const flag = z.boolean().default(false).describe('true or false')
const toParquetOptions = z.strictObject({
  force: flag,
  retryErrors: flag,
  redoChanged: flag,
  signal: aSignal.optional(),
  policy: aFunction.optional(),
  onPart: aFunction.optional(),
  queueRun: z.string().optional(),
  onNotice: aFunction.optional(),
})
const toParquetArguments = z.object({ folder: aPath.describe('the path of a folder'), run: aRun })

export type ToParquetOptions = Readonly<{
  /** Start over: the first complete new part replaces all parts of the folder, whatever their options. */
  force?: boolean | undefined
  /** Decode error rows again. The new row replaces the old one. */
  retryErrors?: boolean | undefined
  /** Decode rows again whose prompt or settings have changed. The new row replaces the old one. */
  redoChanged?: boolean | undefined
  /** After an abort, finished rows are still written; then the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined
  /** Says when rows become a part file, by the number of parts before. */
  policy?: ((part: number) => FlushPolicy) | undefined
  /** Called after each part file with its path, its rows and its bytes. */
  onPart?: ((part: PartReport) => void) | undefined
  /** Id of a run in a queue that may have the folder as its output. */
  queueRun?: string | undefined
  /** Called with warnings that are no errors, each once. */
  onNotice?: ((notice: string) => void) | undefined
}>

export type Summary = Readonly<{
  /** Rows that this run wrote. */
  written: number
  /** How many of them are error rows. */
  errors: number
  /** Rows that the folder already had, so that the run left them out, and how many of them are error rows. */
  skipped: number
  skippedErrors: number
  /** Paths of the part files that this run wrote. */
  files: readonly string[]
}>

const nothing: HeldRows = { parts: [], metas: new Map(), rows: new Map() }

type Drain = Readonly<{ writer: PartWriter; refusals: readonly Promise<never>[] }>

/** Passes rows to the writer until they end, fail, are refused, cannot be written, or the signal aborts. */
function drain(run: Run, options: RowsOptions, { writer, refusals }: Drain): Promise<void> {
  const { signal } = options
  return new Promise((resolve, reject) => {
    const subscription = run.deliveries(options).subscribe({
      next: writer.take,
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
    for (const failure of [writer.failure, ...refusals]) {
      failure.catch((error: unknown) => {
        subscription.unsubscribe()
        reject(error)
      })
    }
  })
}

/** Names at most this many changed rows. */
const NAMED = 5
/** The longest wait for further changed rows, because the input may be a pipe that never ends. */
const GATHERED_MS = 2_000

type RowRequest = Parameters<NonNullable<RowsOptions['done']>>[0]

/** Gathers rows that the folder holds but that were made from another prompt, and refuses the run because of them. */
function changedRows(folder: string) {
  const found: RowRequest[] = []
  let unhashed = 0
  let timer: NodeJS.Timeout | undefined
  let refuse: (error: unknown) => void = () => undefined
  const refused = new Promise<never>((_, reject) => {
    refuse = reject
  })
  // `drain` handles the rejection; without this handler Node would end the process if it came later.
  refused.catch(() => undefined)
  const error = () => {
    const names = found.slice(0, NAMED).map(({ id, sample }) => (sample === 0 ? `\`${id}\`` : `\`${id}\` (sample ${sample})`))
    const more = found.length > names.length ? ` and ${found.length - names.length} more` : ''
    const rows = found.length === 1 ? 'a row' : `${found.length} rows`
    const why =
      unhashed === found.length
        ? 'that an earlier version wrote without a hash of the prompt, so a changed prompt would go unnoticed'
        : 'made from another prompt or other settings'
    return new OutputError(
      `${folder} holds ${rows} ${why}: ${names.join(', ')}${more}. Use another folder, --redo-changed to make such rows again, or --force to replace all rows`,
    )
  }
  return {
    refused,
    isEmpty: () => found.length === 0,
    add(row: RowRequest, hash: string | null) {
      found.push(row)
      if (hash === null) unhashed++
      timer ??= setTimeout(() => refuse(error()), GATHERED_MS)
    },
    /** @throws OutputError if there is a changed row */
    check() {
      clearTimeout(timer)
      if (found.length > 0) throw error()
    },
    stop: () => clearTimeout(timer),
  }
}

/**
 * Writes a run's rows as Parquet part files into a folder, or with s3://BUCKET/PREFIX below a prefix of a bucket. Each is complete or absent,
 * and readable while the run goes on. The run leaves out rows that the folder has, so the same call goes on where an earlier one stopped. It
 * fails on a row whose prompt or settings have changed since, and decodes no further row. A run that fails before its first part leaves no
 * new folder.
 *
 * @throws OptionError for an invalid option
 * @throws OutputError if the folder has rows of other options or prompts, is in use by another run, is no folder, or cannot be written
 */
export async function toParquet(folder: string, run: Run, options: ToParquetOptions = {}): Promise<Summary> {
  parseOptions(toParquetArguments, { folder, run }, 'toParquet')
  parseOptions(toParquetOptions, options, 'toParquet')
  options.signal?.throwIfAborted()
  const store = openStore(folder)
  const isNew = await store.prepare()
  let written: readonly string[] = []
  const keep = (files: readonly string[]) => {
    written = files
  }
  try {
    const lock = await store.lock()
    try {
      await checkQueueHolds(store, options.queueRun)
      // What a folder holds besides this run's parts is named, so that nobody takes it for rows.
      for (const name of await store.removeUnfinished())
        options.onNotice?.(`${folder}: removed ${name}, an unfinished part of a run that was killed`)
      for (const notice of await strayFiles(folder, { store, writing: true })) options.onNotice?.(notice)
      return await writeRows({ store, lost: lock.lost }, run, options, keep)
    } finally {
      await lock.release()
    }
  } catch (error) {
    if (isNew && written.length === 0) await store.removeEmpty()
    throw error
  }
}

async function writeRows(
  { store, lost }: Readonly<{ store: PartStore; lost: Promise<never> }>,
  run: Run,
  options: ToParquetOptions,
  keep: (files: readonly string[]) => void,
): Promise<Summary> {
  const folder = store.name
  const { force = false, retryErrors = false, redoChanged = false, signal, policy, onPart } = options
  // Parts to replace need not be readable.
  const { parts, metas, rows } = force ? { ...nothing, parts: await listParts(store) } : await heldRows(store)
  for (const [path, meta] of metas) sameRun(path, meta, run.meta)
  if (rows.size > 0) checkVersions(folder, run.meta)
  const count = { written: 0, errors: 0, skipped: 0, skippedErrors: 0 }
  const changed = changedRows(folder)
  const replaced = new Map<string, string>()
  const done: RowsOptions['done'] = (row) => {
    const key = keyOf(row)
    const earlier = rows.get(key)
    // A run that will be refused starts no further row; it only reads on to name the other changed rows.
    if (earlier === undefined) return !changed.isEmpty()
    const isSame = earlier.promptHash === row.promptHash
    if ((retryErrors && earlier.isError) || (redoChanged && !isSame)) {
      replaced.set(key, earlier.part)
      return !changed.isEmpty()
    }
    if (isSame && earlier.isError) count.skippedErrors++
    if (isSame) count.skipped++
    else changed.add(row, earlier.promptHash)
    return true
  }
  const onRow = ({ finishReason }: Row) => {
    count.written++
    if (finishReason === 'error') count.errors++
  }
  const writer = partWriter({ store, meta: run.meta, replaces: force ? parts : [], replaced, policy, onRow, onPart })
  keep(writer.files)
  try {
    await drain(run, { done, signal }, { writer, refusals: [changed.refused, lost] })
    changed.check()
  } finally {
    changed.stop()
    await writer.close()
  }
  if (force && writer.files.length === 0) await store.remove(parts)
  return { ...count, files: writer.files }
}
