import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { httpPost } from '../../../../src/models/remote/httpPost.js'

let server: Server | undefined
afterEach(() => {
  server?.close()
  server?.closeAllConnections()
})

/** Posts to a server that answers so. */
async function posted(answer: RequestListener, timeoutMs = 30_000) {
  const started = createServer(answer)
  server = started
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve))
  const { port } = started.address() as AddressInfo
  const post = httpPost(`http://127.0.0.1:${port}/v1?a=b`, { headers: { 'x-own': 'kept' }, timeoutMs })
  return post(Buffer.from('{"text":"ä"}'), new AbortController().signal)
}

describe('httpPost', () => {
  it('posts the body with its length and headers, and asks for no compression', async () => {
    const answer = await posted((request, response) => {
      const { method, url, headers } = request
      const own = [method, url, headers['x-own'], headers['content-length'], headers['accept-encoding']].join(' ')
      request.resume().on('end', () => response.writeHead(202, { 'retry-after': '7' }).end(`${own} ü`))
    })
    expect(answer).toEqual({ status: 202, statusText: 'Accepted', retryAfter: '7', text: 'POST /v1?a=b kept 13 identity ü' })
  })

  it('refuses a compressed answer by name', async () => {
    await expect(posted((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'))).rejects.toThrow(
      'Expected an answer without compression, got `content-encoding: gzip`',
    )
  })

  it('returns a redirect without following it', async () => {
    const answer = await posted((_, response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end())
    expect(answer.status).toBe(307)
  })

  it('fails if the answer is cut, or the connection closes before it', async () => {
    const cut = posted((_, response) => {
      response.writeHead(200, { 'content-length': '9' })
      response.write('{', () => response.destroy())
    })
    await expect(cut).rejects.toThrow('the connection closed before the end of the answer')
    server?.close()
    await expect(posted((request) => request.destroy())).rejects.toThrow('socket hang up')
  })

  it('fails after the time limit', async () => {
    await expect(posted(() => {}, 50)).rejects.toThrow('no answer within 50 ms')
  })
})
