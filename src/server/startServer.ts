import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { app } from './app.js'
import type { Service } from './replies/service.js'

export type StartServerOptions = Readonly<{ service: Service; host: string; port: number }>

/** A server that listens. `drain` takes no new requests, waits for those that run, and then closes. */
export type RunningServer = Readonly<{ url: string; drain: () => Promise<void> }>

/** Limits of the connection, in milliseconds and bytes. */
const HEADERS_MS = 10_000
const BODY_MS = 30_000
const IDLE_MS = 10_000
const HEADER_BYTES = 16 * 1024
const HEADERS = 100
const CONNECTIONS = 1024

/** Starts the HTTP server of an service. */
export async function startServer({ service, host, port }: StartServerOptions): Promise<RunningServer> {
  const listener = getRequestListener(app(service).fetch)
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
    drain: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
      }),
  }
}

const listening = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve())
  })
