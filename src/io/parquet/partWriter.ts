import type { Delivery, Row, RunMeta } from '../../core/run.js'
import { encodeParquet } from './encodeParquet.js'
import { keyOf } from './heldRows.js'
import { addPart, removeParts, replacePart } from './partFiles.js'
import { readParquet } from './readParquet.js'
import { columnNames, columnsOf, recordOf } from './rowColumns.js'
import { RUN_KEY } from './runMeta.js'

/** When rows become a part file: at so many rows, or so long after the first of them. */
export type FlushPolicy = Readonly<{ rows: number; milliseconds: number }>

/** The first part comes within seconds, so that a running job can be read; later ones are larger. */
export const growing = (part: number): FlushPolicy => ({
  rows: Math.min(1000, 16 * 4 ** part),
  milliseconds: Math.min(60_000, 3_000 * 4 ** part),
})

/** Rows of long traces are many numbers: about this many are held at most. */
const NUMBERS = 4_000_000

export type PartWriterOptions = Readonly<{
  folder: string
  meta: RunMeta
  /** Parts that the first new one replaces. */
  replaces: readonly string[]
  /** Rows that a new row of the same key replaces, and the part that holds them: filled while the run goes on, before the new row comes. */
  replaced: Map<string, string>
  policy?: (part: number) => FlushPolicy
}>

export interface PartWriter {
  /** Holds the row until its part is written; its receipt may wait until there is room. */
  take(delivery: Delivery): void
  /** Writes what is held. Rejects when a part could not be written, now or before. */
  close(): Promise<void>
  /** Settles when a part could not be written. */
  readonly failure: Promise<never>
  /** Paths of the parts written. */
  readonly files: readonly string[]
}

const sizeOf = ({ tokenIds, promptTokenIds, trace = [] }: Row): number =>
  4 * (tokenIds?.length ?? 0) + (promptTokenIds?.length ?? 0) + trace.reduce((sum, step) => sum + 4 * step.tokenIds.length, 0)

/** Takes the rows of these keys out of a part file; a part without rows goes. */
async function withoutRows(folder: string, path: string, keys: ReadonlySet<string>): Promise<void> {
  const file = await readParquet(path)
  const kept: Record<string, unknown>[] = []
  for await (const record of file.records()) {
    if (!keys.has(keyOf(record as { id: string; sample: number }))) kept.push(record)
  }
  if (kept.length === 0) return removeParts([path])
  return replacePart(folder, path, await encodeParquet(columnsOf(new Set(file.columns)), kept, Object.fromEntries(file.metadata)))
}

/** Gathers rows and writes them as part files, one after another. */
export function partWriter({ folder, meta, replaces, replaced: pending, policy = growing }: PartWriterOptions): PartWriter {
  const files: string[] = []
  let held: Row[] = []
  let numbers = 0
  let waiting: (() => void)[] = []
  let timer: NodeJS.Timeout | undefined
  let isReplaced = false
  let writing: Promise<void> = Promise.resolve()
  let busy = false
  let broken = false
  let fail: (error: unknown) => void = () => undefined
  const failure = new Promise<never>((_, reject) => {
    fail = reject
  })
  // Heard by `close`, too: a failure that nobody waits for must not end the process.
  failure.catch(() => undefined)

  const replaceOnce = async () => {
    if (isReplaced) return
    isReplaced = true
    await removeParts(replaces)
  }

  /** Old rows go before their successors come: killed between the two, the next run makes them again; nobody reads both. */
  const replaceRows = async (rows: readonly Row[]) => {
    const byPart = new Map<string, Set<string>>()
    for (const key of rows.map(keyOf)) {
      const path = pending.get(key)
      if (path !== undefined) byPart.set(path, (byPart.get(path) ?? new Set()).add(key))
      pending.delete(key)
    }
    for (const [path, keys] of byPart) await withoutRows(folder, path, keys)
  }

  const write = async (rows: readonly Row[]) => {
    const records = rows.map(recordOf)
    const names = new Set([...columnNames(meta), ...records.flatMap(Object.keys)])
    const bytes = await encodeParquet(columnsOf(names), records, { [RUN_KEY]: JSON.stringify(meta) })
    const replacing = async () => {
      await replaceOnce()
      await replaceRows(rows)
    }
    files.push(await addPart(folder, bytes, { replacing }))
  }

  const isFull = () => held.length >= policy(files.length).rows || numbers >= NUMBERS

  const release = () => {
    const receipts = waiting
    waiting = []
    for (const taken of receipts) taken()
  }

  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    if (busy || broken || held.length === 0) return
    const rows = held
    held = []
    numbers = 0
    busy = true
    release()
    writing = write(rows).then(
      () => {
        busy = false
        if (isFull()) return flush()
        // The next part may hold more than this one could.
        release()
        arm()
      },
      (error: unknown) => {
        busy = false
        broken = true
        fail(error)
      },
    )
  }

  const arm = () => {
    if (held.length > 0) timer ??= setTimeout(flush, policy(files.length).milliseconds)
  }

  return {
    files,
    failure,
    take({ row, taken }) {
      if (broken) return
      held.push(row)
      numbers += sizeOf(row)
      // While a part is being written a second one may fill; then its rows keep their places until there is room.
      if (busy && isFull()) waiting.push(taken)
      else taken()
      if (isFull()) flush()
      else arm()
    },
    async close() {
      clearTimeout(timer)
      while (!broken && (busy || held.length > 0)) {
        flush()
        await writing
      }
      await writing
      if (broken) await failure
    },
  }
}
