import * as z from 'zod'
import type { PostOptions } from './postJson.js'

const milliseconds = z
  .int()
  .min(1)
  .max(2 ** 31 - 1)
  .describe('an integer from 1 to 2147483647 (milliseconds)')

/** `timeoutMs`: of one request. `failures`, `pauseMs`: of the circuit breaker. */
export const requestOptions = {
  timeoutMs: milliseconds.default(30_000),
  retries: z.int().min(0).max(20).default(5).describe('an integer from 0 to 20'),
  backoffMs: milliseconds.default(500),
  failures: z.int().min(1).default(5).describe('an integer >= 1'),
  pauseMs: milliseconds.default(30_000),
}

/** What tests put in the place of the clock and the environment. */
export type RemoteWorld = Readonly<{
  environment?: Readonly<Record<string, string | undefined>>
  sleep?: NonNullable<PostOptions['sleep']>
  now?: () => number
}>
