import { setTimeout } from 'node:timers/promises'
import { messageOf, RemoteError } from '../../core/errors.js'
import type { CircuitBreaker } from './circuitBreaker.js'
import { saidAddress } from './httpAddress.js'

export type PostOptions = Readonly<{
  /** Sent as a bearer token. No message shows it. */
  key?: string
  /** How long an answer may take. */
  timeoutMs: number
  /** Most further attempts after a failure that may pass. */
  retries: number
  /** Pause before the first further attempt. Each next pause is twice as long. */
  backoffMs: number
  /** Stops requests while the server is down. */
  breaker?: CircuitBreaker
  /** Waits for a pause. */
  sleep?: (milliseconds: number, signal: AbortSignal) => Promise<unknown>
}>

/** Decides whether a request may be made, and receives the answer, if any. */
export type RequestWatch<T> = Readonly<{ admit: () => Promise<void>; settle: (answer?: T) => void }>

/** The longest wait that a server's `Retry-After` can cause. */
const LONGEST_PAUSE_MS = 5 * 60_000
const MESSAGE = 200

/** A failure that may pass. `isOutage` means that the server did not answer, or not like a working server. */
export class Passing extends Error {
  constructor(
    message: string,
    readonly pauseMs = 0,
    readonly isOutage = true,
  ) {
    super(message)
  }
}

/** Formats an answer for a message: one line, cut if it is long. */
export function excerpt(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > MESSAGE ? `${line.slice(0, MESSAGE)}…` : line
}

/** Reads `Retry-After` (seconds or a date) in milliseconds. */
function retryAfter(headers: Headers, now: number): number {
  const given = headers.get('retry-after')
  if (given === null) return 0
  const pause = /^\s*\d+(\.\d+)?\s*$/.test(given) ? Number(given) * 1000 : Date.parse(given) - now
  return Number.isFinite(pause) ? Math.max(0, pause) : 0
}

const sleepFor = (milliseconds: number, signal: AbortSignal): Promise<unknown> => setTimeout(milliseconds, undefined, { signal })

/**
 * Posts JSON to a server and reads the answer. Rate limits (429), failures of the server (5xx), time-outs, lost connections and incomplete
 * answers are followed by a pause, at least as long as `Retry-After`, and another attempt.
 *
 * - `read`: converts the answer; if it throws a `Passing`, another attempt follows
 * - errors: `RemoteError` if no attempt can succeed, all attempts failed, or the breaker is open; errors of `read` and `watch.admit`; the
 *   signal's reason
 */
export function postJson(endpoint: string, options: PostOptions) {
  const { key, timeoutMs, retries, backoffMs, breaker, sleep = sleepFor } = options
  const headers = { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) }
  const hidden = (text: string): string => (key ? text.replaceAll(key, '…') : text)
  const said = saidAddress(endpoint)

  const attempt = async <T>(body: string, read: (answer: unknown) => T, signal: AbortSignal): Promise<T> => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    try {
      const response = await fetch(endpoint, { method: 'POST', headers, body, signal: limit, redirect: 'error' })
      if (!response.ok) throw await refusal(response, said, hidden)
      return read(parsed(await response.text()))
    } catch (error) {
      if (error instanceof RemoteError || error instanceof Passing || signal.aborted) throw error
      if (limit.aborted) throw new Passing(`no answer within ${timeoutMs} ms`)
      // The cause of fetch's error says why it failed.
      const { cause } = error as { cause?: unknown }
      throw new Passing(hidden(messageOf(cause ?? error)))
    }
  }
  return async <T>(content: unknown, read: (answer: unknown) => T, signal: AbortSignal, watch?: RequestWatch<T>): Promise<T> => {
    const body = JSON.stringify(content)
    let pause = 0
    for (let failed = 0; ; failed++) {
      breaker?.admit(said)
      await watch?.admit()
      let answer: T | undefined
      try {
        answer = await attempt(body, read, signal)
        breaker?.succeeded()
        return answer
      } catch (error) {
        if (!(error instanceof Passing)) {
          if (signal.aborted) breaker?.left()
          else breaker?.succeeded() // It is there, and says what is wrong.
          throw error
        }
        if (failed === retries || error.pauseMs > LONGEST_PAUSE_MS) {
          if (error.isOutage) breaker?.failed('request')
          else breaker?.succeeded()
          const times = `${failed + 1} ${failed === 0 ? 'time' : 'times'}`
          throw new RemoteError(`${said} failed ${times}, the last with: ${error.message}`, false, 'outage')
        }
        breaker?.failed('attempt')
        pause = Math.max(backoffMs * 2 ** failed, error.pauseMs)
      } finally {
        watch?.settle(answer)
      }
      await sleep(Math.min(LONGEST_PAUSE_MS, pause), signal)
    }
  }
}

/** Parses JSON. Python's `json` also writes `NaN` and `Infinity`, which become texts. */
function parsed(text: string): unknown {
  for (const one of [text, text.replace(/-?\b(?:NaN|Infinity)\b/g, '"$&"')]) {
    try {
      return JSON.parse(one)
    } catch {}
  }
  throw new Passing(`expected JSON, got ${text.trim() === '' ? 'nothing' : `\`${excerpt(text)}\``}`)
}

async function refusal(response: Response, said: string, hidden: (text: string) => string): Promise<Error> {
  const { status, headers } = response
  const body = hidden(excerpt(await response.text().catch(() => '')))
  const message = `${status} ${response.statusText}${body === '' ? '' : `: ${body}`}`
  if (status === 408 || status === 429 || status >= 500)
    return new Passing(message, retryAfter(headers, Date.now()), status !== 429)
  return new RemoteError(`${said} refused: ${message}`, [401, 403, 404, 405].includes(status), 'refusal')
}
