import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** How a request is answered: with a text and its usage, with a status, late, or cut in the middle. */
export type Behaviour =
  | Readonly<{ text: string; tokens?: number }>
  | Readonly<{ status: number; retryAfter?: string; body?: string }>
  | Readonly<{ slow: true }>
  | Readonly<{ cut: true }>
  | Readonly<{ body: string }>

export type Asked = Readonly<{
  path: string
  authorization: string | undefined
  model: string
  messages: { role: string; content: string }[]
}>

async function bodyOf(request: IncomingMessage): Promise<string> {
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
  } else if ('body' in how) response.end(how.body)
  else {
    const usage = how.tokens === undefined ? {} : { usage: { total_tokens: how.tokens } }
    response.end(JSON.stringify({ choices: [{ message: { role: 'assistant', content: how.text } }], ...usage }))
  }
}

/** A chat model on 127.0.0.1 that does as it is told: `behave` is asked for each request, with its number from 0. */
export async function judgeServer(behave: (asked: Asked, number: number) => Behaviour) {
  const requests: Asked[] = []
  let [open, most] = [0, 0]
  const server = createServer((request, response) => {
    open++
    most = Math.max(most, open)
    response.once('close', () => open--)
    bodyOf(request).then(
      (body) => {
        const { model, messages } = JSON.parse(body) as Pick<Asked, 'model' | 'messages'>
        const asked = { path: request.url ?? '', authorization: request.headers.authorization, model, messages }
        respond(response, behave(asked, requests.push(asked) - 1))
      },
      () => undefined, // The client left.
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    most: () => most,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
export type JudgeServer = Awaited<ReturnType<typeof judgeServer>>
