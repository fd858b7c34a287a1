/** `bytes` of a KV cache. `needed`: the share that its tokens fill. */
export type CacheUsage = Readonly<{ bytes: number; needed: number }>

/** Bytes between host and GPU: `up` token ids, positions and slots, `down` results. */
export type Traffic = Readonly<{ up: number; down: number }>

/**
 * One `session.run`: times by `clock`, sequences (`rows`), new tokens of all of them (padding of the linear layers included), reads of the head, and
 * the KV cache before the run's own keys and values.
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

/** The times of a batch by `clock`: sent, received in the worker, answered there, and back in the calling thread. */
export type Trip = Readonly<{ postedAt: number; receivedAt: number; answeredAt: number; arrivedAt: number }>

/** An answered request to a server: times by `clock`, further attempts included, and its items (prompts or texts). */
export type ServerRequest = Readonly<{ startedAt: number; endedAt: number; items: number }>

/** Callbacks that measure a worker. */
export type Watch = Readonly<{ onRun?: (run: SessionRun) => void; onTrip?: (trip: Trip) => void }>
