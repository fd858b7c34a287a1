import { RemoteError } from '../../core/errors.js'

export type CircuitBreakerOptions = Readonly<{
  /** The breaker opens after this many failed requests in a row. A request fails when all its attempts fail. */
  failures: number
  /** How long it stays open. Then one request goes out as a test. */
  pauseMs: number
  now?: () => number
}>

export type CircuitBreaker = Readonly<{
  /** @throws RemoteError while it is open; the message names `server` */
  admit: (server: string) => void
  succeeded: () => void
  /** Records a failed request or a failed attempt. A failed attempt never opens the breaker; it only keeps it open. */
  failed: (what: 'request' | 'attempt') => void
  /** Records a cancelled request, which says nothing about the server. */
  left: () => void
}>

/**
 * Stops requests to a server that is down. After `failures` in a row it blocks all requests for `pauseMs`. Then it admits one at a time (half
 * open) until one succeeds.
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
          `${server} failed ${inARow} requests in a row: ${left > 0 ? `no requests for another ${Math.ceil(left / 1000)} s` : 'another request is testing it now'}`,
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
