import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** How a request goes wrong: with a status, never, or cut in the middle; or it is answered with `body` as it stands. */
export type Behaviour =
  | Readonly<{ status: number; retryAfter?: string; body?: string }>
  | Readonly<{ slow: true }>
  | Readonly<{ cut: true }>
  | Readonly<{ body: string }>

export type Request<Body> = Readonly<{ path: string; authorization: string | undefined; body: Body }>

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

function respond(response: ServerResponse, how: Behaviour): void {
  if ('slow' in how) return // Until the client gives up.
  if ('status' in how) {
    if (how.retryAfter !== undefined) response.setHeader('retry-after', how.retryAfter)
    response.writeHead(how.status).end(how.body ?? 'no')
  } else if ('cut' in how) {
    response.writeHead(200, { 'content-length': '1000' })
    response.write('{"choices":[{"mess', () => response.destroy())
  } else response.end(how.body)
}

/** A server on 127.0.0.1 that does as it is told: `behave` is asked for each request, with its number from 0. */
export async function jsonServer<Body>(behave: (request: Request<Body>, number: number) => Behaviour | Promise<Behaviour>) {
  const requests: Request<Body>[] = []
  let [open, most, connections] = [0, 0, 0]
  const server = createServer((request, response) => {
    open++
    most = Math.max(most, open)
    response.once('close', () => open--)
    textOf(request)
      .then((text) => {
        const { url = '', headers } = request
        const asked = { path: url, authorization: headers.authorization, body: JSON.parse(text) as Body }
        return behave(asked, requests.push(asked) - 1)
      })
      .then(
        (how) => respond(response, how),
        () => response.destroy(), // The client left.
      )
  })
  server.on('connection', () => connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    open: () => open,
    most: () => most,
    /** How many connections were made. */
    connections: () => connections,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
export type JsonServer<Body> = Awaited<ReturnType<typeof jsonServer<Body>>>
