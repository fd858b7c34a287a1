import type { BatchReport } from '../../../operators/batchCalls.js'
import type { Slots } from '../replies/Slots.js'

/** Figures of a server for Prometheus. */
export type Metrics = Readonly<{
  contentType: string
  text: () => Promise<string>
  onBatch: (model: string, report: BatchReport) => void
  onRequest: (route: string, status: number, seconds: number) => void
  onTokens: (kind: 'prompt' | 'completion', count: number) => void
  watch: (slots: Pick<Slots, 'running' | 'waiting'>) => void
}>

/** Collects figures, if prom-client is installed; it is optional. */
export async function collectMetrics(): Promise<Metrics | undefined> {
  const client = await import('prom-client').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ERR_MODULE_NOT_FOUND') return undefined
    throw error
  })
  if (client === undefined) return undefined
  const { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } = client.default ?? client
  const register = new Registry()
  const registers = [register]
  collectDefaultMetrics({ register })
  const requests = new Counter({
    ...{ name: 'rxargs_requests_total', help: 'Requests by route and status', registers },
    labelNames: ['route', 'status'],
  })
  const seconds = new Histogram({
    ...{ name: 'rxargs_request_seconds', help: 'Time from a request to the start of its answer', registers },
    labelNames: ['route'],
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300],
  })
  const tokens = new Counter({
    ...{ name: 'rxargs_tokens_total', help: 'Tokens of prompts and completions', registers },
    labelNames: ['kind'],
  })
  const batches = new Histogram({
    ...{ name: 'rxargs_batch_size', help: 'Calls of a batch, by model', registers },
    labelNames: ['model'],
    buckets: [1, 2, 4, 8, 16, 32, 64, 128],
  })
  const batchSeconds = new Histogram({
    ...{ name: 'rxargs_batch_seconds', help: 'Time of a batch, by model', registers },
    labelNames: ['model'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
  })
  return {
    contentType: register.contentType,
    text: () => register.metrics(),
    onBatch: (model, { size, durationMs }) => {
      batches.observe({ model }, size)
      batchSeconds.observe({ model }, durationMs / 1000)
    },
    onRequest: (route, status, duration) => {
      requests.inc({ route, status: String(status) })
      seconds.observe({ route }, duration)
    },
    onTokens: (kind, count) => tokens.inc({ kind }, count),
    watch: (slots) => {
      const gauge = (name: string, help: string, read: () => number) =>
        new Gauge({
          ...{ name, help, registers },
          collect() {
            this.set(read())
          },
        })
      gauge('rxargs_replies_running', 'Replies that are decoded now', () => slots.running)
      gauge('rxargs_replies_waiting', 'Replies that wait for a place', () => slots.waiting)
    },
  }
}
