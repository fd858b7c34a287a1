import { RemoteError } from '../../core/errors.js'

export type MergeOptions = Readonly<{
  /** Most items in a request. */
  maxBatch: number
  /** Most requests at the same time. */
  concurrency: number
}>

type Send<Item, Result> = (items: readonly Item[], signal: AbortSignal) => Promise<readonly Result[]>
/** The part of a caller's items that goes into one request. */
type Part<Item, Result> = Readonly<{
  items: readonly Item[]
  signal: AbortSignal
  resolve: (results: readonly Result[]) => void
  reject: (reason: unknown) => void
}>

/**
 * Merges small calls into large requests, first come, first served. It splits a call with more than `maxBatch` items. If the server refuses a
 * request of several calls or answers it wrongly, each call is sent alone, so no call fails because of another's items. A call rejects when
 * its signal aborts. A request is aborted when all its calls are.
 *
 * - errors: the rejection of `send`, for all calls in that request; the signal's reason
 */
export function mergedCalls<Item, Result>(
  send: Send<Item, Result>,
  { maxBatch, concurrency }: MergeOptions,
): (items: readonly Item[], signal: AbortSignal) => Promise<Result[]> {
  const waiting = new Set<Part<Item, Result>>()
  let running = 0
  let isDue = false

  const wake = (): void => {
    if (isDue) return
    isDue = true
    // Waits for the other calls of this turn of the event loop.
    setImmediate(() => {
      isDue = false
      while (running < concurrency && waiting.size > 0) start(takeBatch(waiting, maxBatch))
    })
  }
  const start = (parts: readonly Part<Item, Result>[]): void => {
    running++
    request(send, parts).finally(() => {
      running--
      if (waiting.size > 0) wake()
    })
  }
  const join = (items: readonly Item[], signal: AbortSignal): Promise<readonly Result[]> =>
    new Promise((resolve, reject) => {
      const part = { items, signal, resolve, reject }
      const leave = (): void => {
        waiting.delete(part)
        reject(signal.reason)
      }
      if (signal.aborted) return leave()
      signal.addEventListener('abort', leave, { once: true })
      waiting.add(part)
      wake()
    })
  return async (items, signal) => {
    const parts = Array.from({ length: Math.ceil(items.length / maxBatch) }, (_, part) =>
      join(items.slice(part * maxBatch, (part + 1) * maxBatch), signal),
    )
    return (await Promise.all(parts)).flat()
  }
}

/** Removes the first waiting calls that fit into one request. */
function takeBatch<Item, Result>(waiting: Set<Part<Item, Result>>, maxBatch: number): Part<Item, Result>[] {
  const parts: Part<Item, Result>[] = []
  let count = 0
  for (const part of waiting) {
    count += part.items.length
    if (count > maxBatch) break
    waiting.delete(part)
    parts.push(part)
  }
  return parts
}

async function request<Item, Result>(send: Send<Item, Result>, parts: readonly Part<Item, Result>[]): Promise<void> {
  const controller = new AbortController()
  const check = (): void => {
    if (parts.every(({ signal }) => signal.aborted)) controller.abort()
  }
  for (const { signal } of parts) signal.addEventListener('abort', check, { once: true })
  try {
    const results = await send(
      parts.flatMap(({ items }) => items),
      controller.signal,
    )
    let read = 0
    for (const { items, resolve } of parts) {
      resolve(results.slice(read, read + items.length))
      read += items.length
    }
  } catch (error) {
    const live = parts.filter(({ signal }) => !signal.aborted)
    const isOwn = error instanceof RemoteError && !error.isHopeless && error.kind !== 'outage'
    if (isOwn && parts.length > 1) for (const part of live) await request(send, [part])
    else for (const { reject } of live) reject(error)
  } finally {
    for (const { signal } of parts) signal.removeEventListener('abort', check)
  }
}
