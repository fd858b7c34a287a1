/** Milliseconds since the epoch, finer than Date's and the same in every thread. */
export const clock = (): number => performance.timeOrigin + performance.now()

/** Bytes of a KV cache, and of these what its tokens need by themselves. */
export type CacheUsage = Readonly<{ bytes: number; needed: number }>

/** Bytes between the host and a GPU: token ids, positions and slots there, and what was asked back. */
export type Traffic = Readonly<{ up: number; down: number }>

/**
 * One `session.run`: times by `clock`, sequences (`rows`), new tokens of all of them, padding that linear layers compute included, reads of the head, and
 * our KV cache before what is new was written.
 */
export type SessionRun = Readonly<{
  startedAt: number
  endedAt: number
  rows: number
  tokens: number
  reads: number
  cache?: CacheUsage
  traffic?: Traffic
}>

/** A batch's way to a worker and back, times by `clock`: asked for, begun there, answered there, and there again. */
export type Trip = Readonly<{ postedAt: number; receivedAt: number; answeredAt: number; arrivedAt: number }>

/** What those who measure are told of a worker. */
export type Watch = Readonly<{ onRun?: (run: SessionRun) => void; onTrip?: (trip: Trip) => void }>
