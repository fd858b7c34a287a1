import { RemoteError } from '../../core/errors.js'

export type CircuitBreakerOptions = Readonly<{
  /** The breaker opens after this many requests in a row whose attempts all failed. */
  failures: number
  /** How long it stays open. Then one request goes out as a test. */
  pauseMs: number
  now?: () => number
}>

export type CircuitBreaker = Readonly<{
  /** @throws RemoteError while it is open; the message names `server` */
  admit: (server: string) => void
  succeeded: () => void
  /** Records the failure of a request after all attempts, or of one attempt, which only keeps an open breaker open. */
  failed: (what: 'request' | 'attempt') => void
  /** Records a cancelled request, which says nothing about the server. */
  left: () => void
}>

/**
 * Sends nothing to a server that is down. After `failures` in a row no request goes out for `pauseMs`, then one request at a time (half open)
 * until one succeeds.
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
