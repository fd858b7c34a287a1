import { freeTurns, type Turns } from '../../core/batching.js'
import { RemoteError } from '../../core/errors.js'
import { clock } from '../../core/observe/observer.js'
import type { ServerRequest } from '../runtime/watch.js'

export type MergeOptions<Item> = Readonly<{
  /** Most items of a request. */
  maxBatch: number
  /** Most requests at the same time. */
  concurrency: number
  /** Items of different kinds never share a request. */
  kindOf?: (item: Item) => unknown
  /** For a server that may take one item a request only: the most requests at the same time if it turns out so. */
  concurrencyAlone?: number
  /** How many of the waiting items of this item's kind may go now. A server that takes one item a request has no turns. */
  turnsOf?: (item: Item) => Turns
  /** Called after each request that was answered. */
  onRequest?: (request: ServerRequest) => void
}>

/** Answers each item with its result, or with the error that is its own. `isAlone` is false for a request that may be split. */
type Send<Item, Result> = (
  items: readonly Item[],
  signal: AbortSignal,
  isAlone: boolean,
) => Promise<readonly (Result | RemoteError)[]>

/** A call that waits for its results. */
export type MergedCall<Result> = Readonly<{
  results: Promise<Result[]>
  isOpen: () => boolean
  /** Rejects the results with `reason` if they are not there yet. Nothing is sent for this call any more. */
  leave: (reason: unknown) => void
}>

type Call<Result> = Readonly<{
  /** Whether it still waits for results. */
  isOpen: () => boolean
  /** Runs when the caller leaves while a request has items of the call. */
  onLeave: (left: () => void) => void
  settle: (index: number, result: Result) => void
  reject: (reason: unknown) => void
}>
type Entry<Item, Result> = Readonly<{ item: Item; index: number; call: Call<Result> }>
type Request<Item, Result> = Readonly<{ entries: readonly Entry<Item, Result>[]; turns: Turns }>

/**
 * Merges calls with a few items each into requests with many. Once there is room for a request, the waiting items go together, first come,
 * first served. A request whose callers have all left is aborted. Callers leave by a function and not by a signal, because a listener for each
 * call costs more than the rest of a step.
 *
 * A request that is refused or answered wrongly is split into halves until the items at fault are alone, so that no call fails for another's
 * items. If all halves succeed, the server takes fewer items than were sent, and later requests have fewer. With `concurrencyAlone` it is not
 * known whether a server takes several items: the first requests have two.
 *
 * - errors: the rejection of `send`, or the item's own error; the reason of a caller that leaves
 */
export function mergedCalls<Item, Result>(
  send: Send<Item, Result>,
  { maxBatch, concurrency, kindOf = () => undefined, concurrencyAlone, turnsOf = () => freeTurns, onRequest }: MergeOptions<Item>,
): (items: readonly Item[]) => MergedCall<Result> {
  // Not a set: its discarded tables point to later ones and would keep all later entries from being collected young (as in `batchCalls`).
  let waiting: Entry<Item, Result>[] = []
  let isKnown = concurrencyAlone === undefined
  let limit = isKnown ? maxBatch : Math.min(2, maxBatch)
  let running = 0
  let isDue = false

  const most = (): number => (limit === 1 ? (concurrencyAlone ?? concurrency) : concurrency)
  const wake = (): void => {
    if (isDue) return
    isDue = true
    // Waits for the other calls of this turn of the event loop.
    setImmediate(() => {
      isDue = false
      for (let next = taken(); next; next = taken()) start(next)
    })
  }
  /** Takes the first waiting items of one kind whose turn it is. */
  const taken = (): Request<Item, Result> | undefined => {
    if (running >= most()) return undefined
    for (const kind of new Set(waiting.map(({ item }) => kindOf(item)))) {
      const entries = waiting.filter(({ item }) => kindOf(item) === kind)
      const turns = limit === 1 ? freeTurns : turnsOf(entries[0]!.item)
      const size = Math.min(limit, turns.take(entries.length, wake))
      if (size === 0) continue
      const later = new Set(entries.splice(size))
      waiting = waiting.filter((entry) => kindOf(entry.item) !== kind || later.has(entry))
      return { entries, turns }
    }
    return undefined
  }
  const start = ({ entries, turns }: Request<Item, Result>): void => {
    running++
    request(entries).finally(() => {
      running--
      turns.give(entries.map(() => 0))
      if (waiting.length > 0) wake()
    })
  }
  /** Returns whether every item got its result. `isPart`: the entries are a part of a request that was split. */
  const request = async (entries: readonly Entry<Item, Result>[], isPart = false): Promise<boolean> => {
    const calls = new Set(entries.map(({ call }) => call))
    const cancelled = new AbortController()
    let isRunning = true
    const check = (): void => {
      if (!isRunning) return
      for (const call of calls) if (call.isOpen()) return
      cancelled.abort()
    }
    for (const call of calls) call.onLeave(check)
    const startedAt = clock()
    try {
      const results = await send(
        entries.map(({ item }) => item),
        cancelled.signal,
        entries.length === 1,
      ).finally(() => {
        isRunning = false
      })
      onRequest?.({ startedAt, endedAt: clock(), items: entries.length })
      const failed = entries.filter(({ index, call }, at) => {
        const result = results[at]!
        if (result instanceof RemoteError) call.reject(result)
        else call.settle(index, result)
        return result instanceof RemoteError
      })
      // Also after another request was split for a failure that had passed by then.
      if (!isPart && entries.length > 1 && (!isKnown || entries.length > limit)) [isKnown, limit] = [true, maxBatch]
      return failed.length === 0
    } catch (error) {
      const open = entries.filter(({ call }) => call.isOpen())
      const halves = halvesOf(open, error)
      if (halves.length === 0) for (const { call } of open) call.reject(error)
      let all = halves.length > 0
      // One after the other, because `concurrency` counts these requests, too.
      for (const half of halves) {
        const rest = half.filter(({ call }) => call.isOpen())
        const answered = rest.length > 0 && (await request(rest, true))
        all &&= answered && rest.length === half.length
      }
      if (all && !(isKnown && isFailure(error))) {
        isKnown = true
        limit = Math.max(1, Math.min(limit, Math.ceil(open.length / 2)))
      }
      return all
    }
  }
  return (items) => {
    const results = new Array<Result>(items.length)
    const requests: (() => void)[] = []
    let missing = items.length
    let isOpen = missing > 0
    let resolve: (results: Result[]) => void
    let rejectResults: (reason: unknown) => void
    const call: Call<Result> = {
      isOpen: () => isOpen,
      onLeave: (left) => requests.push(left),
      settle: (index, result) => {
        results[index] = result
        if (--missing > 0) return
        isOpen = false
        resolve(results)
      },
      reject: (reason) => {
        isOpen = false
        waiting = waiting.filter((entry) => entry.call !== call)
        rejectResults(reason)
      },
    }
    const promise = new Promise<Result[]>((onResults, onReason) => {
      resolve = onResults
      rejectResults = onReason
      if (missing === 0) return resolve(results)
      for (const [index, item] of items.entries()) waiting.push({ item, index, call })
      wake()
    })
    const leave = (reason: unknown): void => {
      if (!isOpen) return
      call.reject(reason)
      for (const left of requests) left()
    }
    return { results: promise, isOpen: call.isOpen, leave }
  }
}

const isFailure = (error: unknown): boolean => error instanceof RemoteError && error.kind === 'failure'

/**
 * Cuts items in two if one of them may be at fault, between calls if there are several. Items of one call are cut only after a refusal: a wrong
 * answer to a single call is final.
 */
function halvesOf<Item, Result>(live: readonly Entry<Item, Result>[], error: unknown): (readonly Entry<Item, Result>[])[] {
  if (!(error instanceof RemoteError) || error.isHopeless || error.kind === 'outage' || live.length < 2) return []
  const middle = Math.ceil(live.length / 2)
  const between = (at: number): boolean => live[at - 1]?.call !== live[at]?.call && at > 0 && at < live.length
  const offset = Array.from({ length: middle + 1 }, (_, away) => away).find(
    (away) => between(middle - away) || between(middle + away),
  )
  if (offset === undefined && error.kind === 'answer') return []
  const cut = offset === undefined ? middle : between(middle - offset) ? middle - offset : middle + offset
  return [live.slice(0, cut), live.slice(cut)]
}
