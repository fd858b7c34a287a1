import * as z from 'zod'
import type { ServerRequest } from '../runtime/watch.js'
import type { PostOptions } from './postJson.js'

const milliseconds = z
  .int()
  .min(1)
  .max(2 ** 31 - 1)
  .describe('an integer from 1 to 2147483647 (milliseconds)')

export const requestOptions = {
  timeoutMs: milliseconds.default(30_000),
  retries: z.int().min(0).max(20).default(5).describe('an integer from 0 to 20'),
  backoffMs: milliseconds.default(500),
  failures: z.int().min(1).default(5).describe('an integer >= 1'),
  pauseMs: milliseconds.default(30_000),
}

/** When requests to a server are retried, and when they stop. */
export type RequestOptions = Readonly<{
  /** Time limit of a request, in milliseconds (30,000). */
  timeoutMs?: number | undefined
  /** Most retries of a failed request (5). */
  retries?: number | undefined
  /** Pause before the first retry, in milliseconds; it doubles each time (500). */
  backoffMs?: number | undefined
  /** After this many failed requests in a row, no requests go out for `pauseMs` (5). */
  failures?: number | undefined
  /** Length of that pause, in milliseconds (30,000). */
  pauseMs?: number | undefined
}>

/** Replaces clock and environment in tests. `onRequest` measures requests. */
export type RemoteWorld = Readonly<{
  environment?: Readonly<Record<string, string | undefined>>
  sleep?: NonNullable<PostOptions['sleep']>
  now?: () => number
  onRequest?: (request: ServerRequest) => void
}>
