import type { Metrics } from '../../watch/metrics.js'
import type { Slots } from '../replies/Slots.js'

/** Figures of a server for Prometheus. */
export type ServerMetrics = Metrics &
  Readonly<{
    onRequest: (route: string, status: number, seconds: number) => void
    watch: (slots: Pick<Slots, 'running' | 'waiting'>) => void
  }>

/** Adds the figures that only a server has. */
export function serverMetrics(metrics: Metrics): ServerMetrics {
  const count = metrics.counter('rxargs_requests_total', 'Requests by route and status', ['route', 'status'])
  const seconds = metrics.histogram({
    ...{ name: 'rxargs_request_seconds', help: 'Time from a request to the start of its answer' },
    ...{ labelNames: ['route'], buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300] },
  })
  return {
    ...metrics,
    onRequest: (route, status, duration) => {
      count(route, String(status))
      seconds(duration, route)
    },
    watch: (slots) => {
      metrics.gauge('rxargs_replies_running', 'Replies that are decoded now', () => slots.running)
      metrics.gauge('rxargs_replies_waiting', 'Replies that wait for a place', () => slots.waiting)
    },
  }
}
