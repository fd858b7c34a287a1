import * as z from 'zod'
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

/** How requests to a server are repeated and given up. */
export type RequestOptions = Readonly<{
  /** How long a request may take, in milliseconds (30,000). */
  timeoutMs?: number | undefined
  /** How often a failed request is repeated (5). */
  retries?: number | undefined
  /** Pause before the first repetition, in milliseconds; each further pause is twice as long (500). */
  backoffMs?: number | undefined
  /** After this many failures in a row, no requests are sent for a while (5). */
  failures?: number | undefined
  /** How long that pause is, in milliseconds (30,000). */
  pauseMs?: number | undefined
}>

/** Replacements of clock and environment for tests. */
export type RemoteWorld = Readonly<{
  environment?: Readonly<Record<string, string | undefined>>
  sleep?: NonNullable<PostOptions['sleep']>
  now?: () => number
}>
