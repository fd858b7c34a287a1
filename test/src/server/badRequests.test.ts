import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answers } from '../../../src/server/http/answerSchemas.js'
import { fakeLm, fakeModels, fakeRm } from '../../fakes.js'
import { badRequests } from './badRequests.js'
import { type Served, serve } from './served.js'

const lm = fakeLm()
let served: Served
beforeAll(async () => {
  served = await serve(fakeModels(lm, [fakeRm()]))
})
afterAll(async () => {
  const { usage } = await served.answer<{ usage: { completion_tokens: number } }>('/v1/completions', {
    prompt: 'well',
    max_tokens: 3,
  })
  expect(usage.completion_tokens).toBe(3)
  expect([served.service.slots.running, served.service.slots.waiting, served.service.life.phase]).toEqual([0, 0, 'ready'])
  await served.close()
})

describe('a bad request', () => {
  it.each(badRequests.map((bad) => ({ kind: bad[0], bad })))(
    '$kind',
    async ({ bad: [, path, body, status, param, message = ''] }) => {
      const response = await served.post(path, body)
      const answer: unknown = await response.json()
      expect(answers.Error.safeParse(answer).error).toBeUndefined()
      const { error } = answer as { error: { message: string; param: string | null } }
      expect(response.status, error.message).toBe(status)
      expect(error.message.length).toBeLessThan(700)
      expect(error.message).toContain(message)
      if (param !== undefined) expect(error.param).toBe(param)
    },
  )

  it.each([
    ['a form', 'application/x-www-form-urlencoded'],
    ['text', 'text/plain'],
    ['JSON by another name', 'text/json'],
  ])('that says it is %s', async (_, type) => {
    const response = await served.post('/v1/completions', '{"prompt": "a"}', { headers: { 'content-type': type } })
    expect(response.status).toBe(415)
  })

  it('that does not say what it is', async () => {
    const response = await served.post('/v1/completions', '', { body: new Blob(['{"prompt": "a"}']), headers: {} })
    expect(response.status).toBe(415)
  })

  it('in bytes that are not UTF-8', async () => {
    const body = new Uint8Array([...Buffer.from('{"prompt": "'), 0xff, 0xfe, ...Buffer.from('"}')])
    expect((await served.post('/v1/completions', '', { body })).status).toBe(400)
  })

  it.each([
    ['GET', '/v1/completions', 405],
    ['DELETE', '/v1/models', 405],
    ['PUT', '/', 405],
    ['GET', '/nowhere', 404],
    ['GET', '/../package.json', 404],
    ['GET', '/%2e%2e/%2e%2e/package.json', 404],
    ['GET', '/..%2fapp.js', 404],
    ['GET', '/%00', 404],
    ['GET', '/%', 404],
    ['GET', '/v1/models/other', 404],
  ])('%s %s', async (method, path, status) => {
    const response = await raw(`${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n`)
    expect(response).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(response).not.toContain('import ')
  })
})

/** Sends bytes as they are and gives all that comes back until the server closes. */
function raw(bytes: string, then: (socket: Socket) => void = () => undefined): Promise<string> {
  const { hostname, port } = new URL(served.url)
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(Number(port), hostname, () => {
      socket.write(bytes)
      then(socket)
    })
    socket.on('data', (data) => {
      text += data
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
  })
}

describe('a bad connection', () => {
  const head = 'POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n'

  it.each([
    ['that speaks something else', '\x16\x03\x01\x02\x00\x01\x00', 400],
    ['with a flood of headers', `${head}${'x-a: b\r\n'.repeat(5000)}\r\n`, 431],
    ['with a huge header', `${head}x-a: ${'b'.repeat(100_000)}\r\n\r\n`, 431],
    ['with two lengths', `${head}content-length: 3\r\ncontent-length: 5\r\n\r\nabc`, 400],
    ['with a length that is no number', `${head}content-length: many\r\n\r\n`, 400],
    ['with a length and chunks', `${head}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['with broken chunks', `${head}transfer-encoding: chunked\r\n\r\nzz\r\n`, 400],
    ['with a line break in a header', `${head}x-a: b\rc: d\r\n\r\n`, 400],
    ['without a host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['to another host', 'GET /health HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n', 403],
  ])('%s', async (_, bytes, status) => {
    expect(await raw(bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  })

  it('that ends in the middle of the headers', async () => {
    expect(await raw(head, (socket) => socket.end())).not.toContain('200 OK')
  })

  it('that ends in the middle of the body', async () => {
    expect(await raw(`${head}content-length: 100\r\n\r\n{"prompt"`, (socket) => socket.end())).not.toContain('200 OK')
  })

  it('that is destroyed in the middle of the body', async () => {
    expect(await raw(`${head}content-length: 100\r\n\r\n{"prompt"`, (socket) => setTimeout(() => socket.destroy(), 20))).toBe('')
  })

  it('that is closed halfway still gets its answer', async () => {
    const body = '{"prompt": "half", "max_tokens": 2}'
    const text = await raw(`${head}connection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`, (socket) => socket.end())
    expect(text).toContain('200 OK')
    expect(text).toContain('"finish_reason":"length"')
  })

  it('with chunks beyond the limit', async () => {
    const chunk = `${(100_000).toString(16)}\r\n${'x'.repeat(100_000)}\r\n`
    const text = await raw(`${head}transfer-encoding: chunked\r\n\r\n${chunk.repeat(20)}0\r\n\r\n`)
    expect(text).toMatch(/^(HTTP\/1.1 413 |$)/)
  })
})
