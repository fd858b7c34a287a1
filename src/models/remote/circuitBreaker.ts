import { RemoteError } from '../../core/errors.js'

export type CircuitBreakerOptions = Readonly<{
  /** Requests in a row that failed with all their attempts, after which it opens. */
  failures: number
  /** How long it stays open; then one request is let through to see. */
  pauseMs: number
  now?: () => number
}>

export type CircuitBreaker = Readonly<{
  /** @throws RemoteError while it is open, naming `server` */
  admit: (server: string) => void
  succeeded: () => void
  /** A request with all its attempts, or one attempt, which keeps it open if it is. */
  failed: (what: 'request' | 'attempt') => void
  /** A request was cancelled, which says nothing. */
  left: () => void
}>

/**
 * Spares a server that is down, and those who wait for it: after `failures` in a row nothing goes out for `pauseMs`, then one request
 * at a time (half open), until one succeeds.
 */
export function circuitBreaker({ failures, pauseMs, now = Date.now }: CircuitBreakerOptions): CircuitBreaker {
  let inARow = 0
  let openUntil = 0
  let isProbing = false
  return {
    admit(server) {
      if (inARow < failures) return
      const left = openUntil - now()
      if (left > 0 || isProbing)
        throw new RemoteError(
          `${server} failed ${inARow} requests in a row: ${left > 0 ? `none for another ${Math.ceil(left / 1000)} s` : 'it is tried with another one now'}`,
          false,
          'outage',
        )
      isProbing = true
    },
    succeeded() {
      inARow = 0
      isProbing = false
    },
    failed(what) {
      isProbing = false
      if (what === 'attempt' && inARow < failures) return
      inARow++
      openUntil = now() + pauseMs
    },
    left() {
      isProbing = false
    },
  }
}
