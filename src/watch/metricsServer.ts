import { createServer } from 'node:http'
import { listen } from './listen.js'
import type { Metrics } from './metrics.js'

export type MetricsServer = Readonly<{ url: string; close: () => void }>

/**
 * Serves figures for Prometheus at `/metrics`. It does not keep the process alive.
 *
 * @throws OptionError for an address that this machine does not have, and Error for a port that is taken
 */
export async function serveMetrics(
  { text, contentType }: Pick<Metrics, 'text' | 'contentType'>,
  { host, port }: Readonly<{ host: string; port: number }>,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const end = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'content-type': type })
      response.end(request.method === 'HEAD' ? '' : body)
    }
    const plain = 'text/plain; charset=utf-8'
    if (request.method !== 'GET' && request.method !== 'HEAD') return end(405, plain, 'Expected GET or HEAD\n')
    if (request.url?.split('?')[0] !== '/metrics') return end(404, plain, 'The figures are at /metrics\n')
    text().then(
      (figures) => end(200, contentType, figures),
      (error: unknown) => end(500, plain, `${error instanceof Error ? error.message : String(error)}\n`),
    )
  })
  const at = await listen(server, { host, port, flags: { host: '--metrics-host', port: '--metrics-port' } })
  server.unref()
  return {
    url: `${at}/metrics`,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
