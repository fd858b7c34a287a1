import type { Delivery, Row, RunMeta } from '../../core/run.js'
import type { PartStore } from '../stores/PartStore.js'
import { encodeParquet } from './encodeParquet.js'
import { keyOf } from './heldRows.js'
import { partBuffer } from './partBuffer.js'
import { addPart } from './partFiles.js'
import { readParquet } from './readParquet.js'
import { columnsOf } from './rowColumns.js'

/** Rows become a part file at this number of rows, at about this many bytes in memory (64 MiB), or this long after the first of them. */
export type FlushPolicy = Readonly<{ rows: number; milliseconds: number; bytes?: number }>

/** The first part comes within seconds, so that a running job can be read. Later parts are larger. */
export const growing = (part: number): FlushPolicy => ({
  rows: Math.min(1000, 16 * 4 ** part),
  milliseconds: Math.min(60_000, 3_000 * 4 ** part),
})

/** Rows with long traces hold many numbers. The writer keeps at most about this much of them. */
const BYTES = 64 * 2 ** 20

/** A written part file. */
export type PartReport = Readonly<{ path: string; rows: number; bytes: number }>

export type PartWriterOptions = Readonly<{
  store: PartStore
  meta: RunMeta
  /** Parts that the first new one replaces. */
  replaces: readonly string[]
  /** Keys of rows to replace, with the part that holds them. The run adds a key before its new row comes. */
  replaced: Map<string, string>
  policy?: ((part: number) => FlushPolicy) | undefined
  /** Called with each row that it keeps: the run's, or an error row in its place. */
  onRow: (row: Row) => void
  /** Called after each part. */
  onPart?: ((part: PartReport) => void) | undefined
}>

export interface PartWriter {
  /** Keeps the row until its part is written. Its receipt may wait until there is room. */
  take(delivery: Delivery): void
  /** Writes the rows that it keeps. Rejects if a row could not be kept or a part not be written, now or before. */
  close(): Promise<void>
  /** Rejects when a part could not be written. */
  readonly failure: Promise<never>
  /** Paths of the parts so far. */
  readonly files: readonly string[]
}

/** Removes the rows with these keys from a part file, and the file if no row is left. */
async function withoutRows(store: PartStore, path: string, keys: ReadonlySet<string>): Promise<void> {
  const file = await readParquet(store.file(path))
  const kept: Record<string, unknown>[] = []
  for await (const record of file.records()) {
    if (!keys.has(keyOf(record as { id: string; sample: number }))) kept.push(record)
  }
  if (kept.length === 0) return store.remove([path])
  return store.replace(path, encodeParquet(columnsOf(new Set(file.columns)), kept, Object.fromEntries(file.metadata)))
}

/** Gathers rows and writes them as part files, one after another. */
export function partWriter({
  store,
  meta,
  replaces,
  replaced: pending,
  policy = growing,
  onRow,
  onPart,
}: PartWriterOptions): PartWriter {
  const files: string[] = []
  const part = partBuffer(meta)
  /** Keys of the part's rows that replace others. */
  let successors: string[] = []
  /** Rows that came while the part was full. They get their receipt when a part takes them, so that only as many wait as a run has open. */
  const late: Delivery[] = []
  let timer: NodeJS.Timeout | undefined
  let isReplaced = false
  let writing: Promise<void> = Promise.resolve()
  let busy = false
  let broken = false
  let hasFailed = false
  let fail: (error: unknown) => void = () => undefined
  const failure = new Promise<never>((_, reject) => {
    fail = reject
  })
  // `close` reports it, too. Without a handler here, Node would end the process.
  failure.catch(() => undefined)

  const replaceOnce = async () => {
    if (isReplaced) return
    isReplaced = true
    await store.remove(replaces)
  }

  /** Old rows go before their successors come, so that nobody reads both. After a kill in between, the next run decodes them again. */
  const replaceRows = async (keys: readonly string[]) => {
    const byPart = new Map<string, Set<string>>()
    for (const key of keys) {
      const path = pending.get(key)
      if (path !== undefined) byPart.set(path, (byPart.get(path) ?? new Set()).add(key))
      pending.delete(key)
    }
    for (const [path, keys] of byPart) await withoutRows(store, path, keys)
  }

  /** Empties the part at once, so that the next one can fill. */
  const write = async (keys: readonly string[]) => {
    const { rows } = part
    const encoded = part.take()
    const gone = isReplaced ? [] : replaces
    const isReplacing = gone.length > 0 || keys.length > 0
    const replacing = async () => {
      await replaceOnce()
      await replaceRows(keys)
    }
    const replacement = isReplacing && { replacing, replaces: gone }
    const path = await addPart(store, encoded, { after: files.at(-1), ...replacement })
    files.push(path)
    onPart?.({ path, rows, bytes: encoded.length })
  }

  const isFull = (): boolean => {
    const { rows, bytes = BYTES } = policy(files.length)
    return part.rows > 0 && (part.rows >= rows || part.bytes >= bytes)
  }

  const stop = (error: unknown) => {
    busy = false
    broken = true
    hasFailed = true
    fail(error)
  }

  const keep = ({ row, taken }: Delivery) => {
    try {
      onRow(part.add(row))
    } catch (error) {
      // It ends the run. The other rows are written.
      hasFailed = true
      return fail(error)
    }
    const key = keyOf(row)
    if (pending.has(key)) successors.push(key)
    taken()
  }

  const keepLate = () => {
    while (!broken && late.length > 0 && !isFull()) keep(late.shift()!)
  }

  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    if (busy || broken || part.rows === 0) return
    const keys = successors
    successors = []
    busy = true
    writing = write(keys)
      .then(() => {
        busy = false
        keepLate()
        if (isFull()) flush()
        else arm()
      })
      .catch(stop)
    keepLate()
  }

  const arm = () => {
    if (!broken && part.rows > 0) timer ??= setTimeout(flush, policy(files.length).milliseconds)
  }

  return {
    files,
    failure,
    take(delivery) {
      if (broken) return
      // While one part is being written, a second one may fill. If it is full, further rows wait for their receipt.
      if (busy && isFull()) late.push(delivery)
      else keep(delivery)
      if (isFull()) flush()
      else arm()
    },
    async close() {
      clearTimeout(timer)
      while (!broken && (busy || part.rows > 0)) {
        flush()
        await writing
      }
      await writing
      if (hasFailed) await failure
    },
  }
}
