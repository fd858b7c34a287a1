import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { listen } from '../watch/listen.js'
import { ApiError } from './ApiError.js'
import { app } from './app.js'
import type { Service } from './replies/service.js'

export type Address = Readonly<{ host: string; port: number }>

export type ServerOptions = Readonly<{
  service: Service
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

/** A server that has its port, and answers 503 until it has a service. */
export type BoundServer = Readonly<{
  start: (options: ServerOptions) => RunningServer
  close: () => void
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

/** Starts the HTTP server of a service. */
export const startServer = async ({ host, port, ...options }: Address & ServerOptions): Promise<RunningServer> =>
  (await bindServer({ host, port })).start(options)

/**
 * Takes the port, before models load for minutes in vain.
 *
 * @throws OptionError for an address that this machine does not have, and Error for a port that is taken
 */
export async function bindServer({ host, port }: Address): Promise<BoundServer> {
  let listener = getRequestListener(loading)
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
  const url = await listen(server, { host, port, flags: { host: '--host', port: '--port' } })
  const running = (service: Service): RunningServer => ({
    url,
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
  })
  return {
    start: ({ service, keys = [], origins = [] }) => {
      const hosts = isLoopback(host) ? [...new Set([...LOOPBACK, bracketed(host)])] : undefined
      listener = getRequestListener(app({ service, guards: { keys, origins, hosts } }).fetch)
      return running(service)
    },
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

function loading(): Response {
  const { body, status } = new ApiError(503, 'The server is loading its models; try again later', { code: 'loading' })
  return Response.json(body, { status, headers: { 'retry-after': '1' } })
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']
const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)
const isLoopback = (host: string): boolean => LOOPBACK.includes(bracketed(host)) || /^127\./.test(host)
