import { setTimeout } from 'node:timers/promises'
import { messageOf, RemoteError } from '../../core/errors.js'
import type { CircuitBreaker } from './circuitBreaker.js'
import { redactAddress } from './httpAddress.js'
import { type HttpAnswer, httpPost } from './httpPost.js'

export type PostOptions = Readonly<{
  /** Bearer token. Messages never contain it. */
  key?: string
  /** Time limit for an answer. */
  timeoutMs: number
  /** Most retries after transient failures. */
  retries: number
  /** Pause before the first retry. It doubles each time. */
  backoffMs: number
  /** Blocks requests while the server is down. */
  breaker?: CircuitBreaker
  /** Replaces the timer in tests. */
  sleep?: (milliseconds: number, signal: AbortSignal) => Promise<unknown>
}>

/** `admit` waits until a request may go out or rejects. `settle` receives the answer, if any. */
export type RequestWatch<T> = Readonly<{
  admit?: () => Promise<void>
  settle?: (answer?: T) => void
  /** The request has several items, and one of them may cause a 500. So a 500 is an error at once. */
  isSplittable?: boolean
}>

/** The longest `Retry-After` that we wait for. */
const LONGEST_PAUSE_MS = 5 * 60_000
const MESSAGE = 200

/** A failure worth a retry. `isOutage` means that the server did not answer, or not like a working server. */
export class TransientError extends Error {
  constructor(
    message: string,
    readonly pauseMs = 0,
    readonly isOutage = true,
    readonly status?: number,
  ) {
    super(message)
  }
}

/** Shortens an answer to one line of at most 200 characters for a message. */
export function excerpt(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > MESSAGE ? `${line.slice(0, MESSAGE)}…` : line
}

/** Reads `Retry-After` (seconds or a date) in milliseconds. */
function pauseOf({ retryAfter: value }: HttpAnswer, now: number): number {
  if (value === undefined) return 0
  const pause = /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now
  return Number.isFinite(pause) ? Math.max(0, pause) : 0
}

const sleepFor = (milliseconds: number, signal: AbortSignal): Promise<unknown> => setTimeout(milliseconds, undefined, { signal })

/**
 * Posts JSON to a server and reads the answer. It retries after rate limits (429), server errors (5xx), time-outs, lost connections and
 * incomplete answers. It pauses before each retry, at least as long as `Retry-After`.
 *
 * - `content`: a value, or its JSON text as bytes
 * - `read`: converts the answer; a `TransientError` that it throws causes a retry
 * - `watch.isSplittable`: a 500 is an error of kind `failure` at once, so that the caller can send the items separately
 * - errors: `RemoteError` if no attempt can succeed, all attempts failed, or the breaker is open; errors of `read` and `watch.admit`; the
 *   signal's reason
 */
export function postJson(endpoint: string, options: PostOptions) {
  const { key, timeoutMs, retries, backoffMs, breaker, sleep = sleepFor } = options
  const headers = { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) }
  const redact = (text: string): string => (key ? text.replaceAll(key, '…') : text)
  const address = redactAddress(endpoint)
  const post = httpPost(endpoint, { headers, timeoutMs })

  const attempt = async <T>(body: Buffer, read: (answer: unknown) => T, signal: AbortSignal): Promise<T> => {
    try {
      const answer = await post(body, signal)
      if (answer.status < 200 || answer.status > 299) throw refusal(answer, address, redact)
      return read(parseJson(answer.text))
    } catch (error) {
      if (error instanceof RemoteError || error instanceof TransientError || signal.aborted) throw error
      throw new TransientError(redact(messageOf(error)))
    }
  }
  return async <T>(content: unknown, read: (answer: unknown) => T, signal: AbortSignal, watch?: RequestWatch<T>): Promise<T> => {
    const body = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content))
    let pause = 0
    for (let failed = 0; ; failed++) {
      breaker?.admit(address)
      await watch?.admit?.()
      let answer: T | undefined
      try {
        answer = await attempt(body, read, signal)
        breaker?.succeeded()
        return answer
      } catch (error) {
        if (!(error instanceof TransientError)) {
          if (signal.aborted) breaker?.left()
          else breaker?.succeeded() // The server works: it says what is wrong.
          throw error
        }
        if (watch?.isSplittable && error.status === 500) {
          breaker?.failed('attempt')
          throw new RemoteError(`${address} failed: ${error.message}`, false, 'failure')
        }
        if (failed === retries || error.pauseMs > LONGEST_PAUSE_MS) {
          if (error.isOutage) breaker?.failed('request')
          else breaker?.succeeded()
          const times = `${failed + 1} ${failed === 0 ? 'time' : 'times'}`
          throw new RemoteError(`${address} failed ${times}. Last error: ${error.message}`, false, 'outage')
        }
        breaker?.failed('attempt')
        pause = Math.max(backoffMs * 2 ** failed, error.pauseMs)
      } finally {
        watch?.settle?.(answer)
      }
      await sleep(Math.min(LONGEST_PAUSE_MS, pause), signal)
    }
  }
}

/** Parses JSON, with or without a byte order mark. Python's `json` also writes `NaN` and `Infinity`: those become strings. */
function parseJson(text: string): unknown {
  const candidates = [() => text, () => text.replace(/^\uFEFF/, '').replace(/-?\b(?:NaN|Infinity)\b/g, '"$&"')]
  for (const candidate of candidates) {
    try {
      return JSON.parse(candidate())
    } catch {}
  }
  throw new TransientError(`expected JSON, got ${text.trim() === '' ? 'nothing' : `\`${excerpt(text)}\``}`)
}

function refusal(answer: HttpAnswer, address: string, redact: (text: string) => string): Error {
  const { status, statusText, text } = answer
  const body = redact(excerpt(text))
  const message = `${status} ${statusText}${body === '' ? '' : `: ${body}`}`
  if (status === 408 || status === 429 || status >= 500)
    return new TransientError(message, pauseOf(answer, Date.now()), status !== 429, status)
  // Nobody follows a redirect with the key, so it is a wrong address, too.
  const isHopeless = [301, 302, 303, 307, 308, 401, 403, 404, 405].includes(status)
  return new RemoteError(`${address} refused: ${message}`, isHopeless, 'refusal')
}
