import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { app } from './app.js'
import type { Service } from './replies/service.js'

export type StartServerOptions = Readonly<{
  service: Service
  host: string
  port: number
  /** Keys that requests may bear; without any, none is asked for. */
  keys?: readonly string[]
  /** Origins whose pages may read answers. */
  origins?: readonly string[]
}>

/**
 * A server that listens. `drain` takes no new requests, waits for those that run, and then closes. What still runs after `timeoutMs` is ended.
 */
export type RunningServer = Readonly<{
  url: string
  /** Whether only this machine reaches it. */
  isLocal: boolean
  drain: (timeoutMs: number) => Promise<void>
}>

/** Limits of the connection, in milliseconds and bytes. */
const HEADERS_MS = 10_000
const BODY_MS = 30_000
const IDLE_MS = 10_000
const HEADER_BYTES = 16 * 1024
const HEADERS = 100
const CONNECTIONS = 1024
const IDLE_CHECK_MS = 50
/** Time for the last event of replies that are ended. */
const LAST_WORDS_MS = 500

/** Starts the HTTP server of an service. */
export async function startServer(options: StartServerOptions): Promise<RunningServer> {
  const { service, host, port, keys = [], origins = [] } = options
  const hosts = isLoopback(host) ? [...new Set([...LOOPBACK, bracketed(host)])] : undefined
  const listener = getRequestListener(app({ service, guards: { keys, origins, hosts } }).fetch)
  const server = createServer(
    {
      headersTimeout: HEADERS_MS,
      requestTimeout: BODY_MS,
      keepAliveTimeout: IDLE_MS,
      maxHeaderSize: HEADER_BYTES,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => void listener(request, response),
  )
  server.maxHeadersCount = HEADERS
  server.maxConnections = CONNECTIONS
  await listening(server, host, port)
  const { address, port: bound, family } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`,
    isLocal: isLoopback(host),
    drain: async (timeoutMs) => {
      service.life.drain()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      // A connection that becomes idle is closed, as its client may hold it open.
      const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS)
      const late = setTimeout(() => {
        service.life.end()
        setTimeout(() => server.closeAllConnections(), LAST_WORDS_MS)
      }, timeoutMs)
      await closed
      clearInterval(idle)
      clearTimeout(late)
    },
  }
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']
const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)
const isLoopback = (host: string): boolean => LOOPBACK.includes(bracketed(host)) || /^127\./.test(host)

const listening = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve())
  })
