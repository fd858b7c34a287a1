import { afterEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/core/errors.js'
import { chatCompletions, endpointOf } from '../../../../src/models/remote/chatCompletions.js'
import { type Behaviour, type JudgeServer, judgeServer } from './judgeServer.js'

let server: JudgeServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

const messages = [{ role: 'user', content: 'Hello' }]
const good: Behaviour = { text: 'fine', tokens: 12 }

/** Asks a server that behaves so in turn, the last behaviour staying; also what was admitted and settled. */
async function asked(behaviours: readonly Behaviour[], more: { retries?: number; key?: string; timeoutMs?: number } = {}) {
  server = await judgeServer((_, number) => behaviours[Math.min(number, behaviours.length - 1)]!)
  const settled: (number | undefined)[] = []
  let admitted = 0
  const watch = {
    admit: async () => {
      admitted++
    },
    settle: (tokens?: number) => void settled.push(tokens),
  }
  const pauses: number[] = []
  const sleep = async (milliseconds: number) => void pauses.push(milliseconds)
  const ask = chatCompletions({ url: server.url, model: 'judge', timeoutMs: 5000, retries: 2, backoffMs: 1, sleep, ...more })
  const answer = await ask(messages, watch, new AbortController().signal).catch((error: unknown) => error)
  return { answer, admitted, settled, pauses }
}

describe('chatCompletions', () => {
  it('posts model and messages with the key, and returns text and token count', async () => {
    const { answer, admitted, settled } = await asked([good], { key: 'secret' })
    expect(answer).toEqual({ text: 'fine', tokens: 12 })
    expect(server!.requests).toEqual([{ path: '/v1/chat/completions', authorization: 'Bearer secret', model: 'judge', messages }])
    expect([admitted, settled]).toEqual([1, [12]])
  })

  it.each<[string, Behaviour]>([
    ['a rate limit', { status: 429 }],
    ['a rate limit that says how long', { status: 429, retryAfter: '1' }],
    ['a rate limit that says until when', { status: 429, retryAfter: 'Thu, 01 Jan 1970 00:00:00 GMT' }],
    ['a failure of the server', { status: 500 }],
    ['a gateway without a server', { status: 503 }],
    ['an answer that is cut', { cut: true }],
    ['an answer that is no JSON', { body: '<html>' }],
    ['an answer without a message', { body: '{"choices":[]}' }],
    ['an answer of another kind', { body: 'null' }],
  ])('retries after %s', async (_, bad) => {
    const { answer, admitted, settled } = await asked([bad, bad, good])
    expect(answer).toEqual({ text: 'fine', tokens: 12 })
    expect([admitted, settled]).toEqual([3, [undefined, undefined, 12]])
  })

  it('retries after a time-out', async () => {
    const { answer } = await asked([{ slow: true }, good], { timeoutMs: 1000 })
    expect(answer).toEqual({ text: 'fine', tokens: 12 })
  })

  it('doubles the pause each time, and waits for Retry-After', async () => {
    const bad: Behaviour[] = [{ status: 500 }, { status: 429, retryAfter: '7' }, { cut: true }]
    const { answer, pauses } = await asked([...bad, good], { retries: 3 })
    expect(answer).toMatchObject({ text: 'fine' })
    expect(pauses).toEqual([1, 7000, 4])
  })

  it('gives up after the last retry, or if Retry-After is too long', async () => {
    const tired = await asked([{ status: 500, body: 'on fire' }])
    expect(tired.answer).toBeInstanceOf(RemoteError)
    expect((tired.answer as Error).message).toMatch(
      /chat\/completions failed 3 times. Last error: 500 Internal Server Error: on fire$/,
    )
    await server!.close()
    const patient = await asked([{ status: 429, retryAfter: '86400' }])
    expect([patient.admitted, (patient.answer as Error).message]).toEqual([1, expect.stringContaining('failed 1 time.')])
  })

  it('does not retry a refusal, and never prints the key', async () => {
    const wrong = await asked([{ status: 401, body: 'wrong key: secret' }], { key: 'secret' })
    expect(wrong.admitted).toBe(1)
    expect(wrong.answer).toMatchObject({
      name: 'RemoteError',
      isHopeless: true,
      message: expect.stringContaining('wrong key: …'),
    })
    await server!.close()
    const long = await asked([{ status: 400, body: 'too long' }])
    expect(long).toMatchObject({ admitted: 1, answer: { isHopeless: false } })
  })

  it('follows no redirect with the key', async () => {
    const other = await judgeServer(() => good)
    server = await judgeServer(() => ({ status: 307 }))
    const { answer } = await asked([{ status: 307 }], { key: 'secret', retries: 0 })
    expect(answer).toBeInstanceOf(RemoteError)
    expect(other.requests).toEqual([])
    await other.close()
  })

  it('stops when its signal aborts', async () => {
    server = await judgeServer(() => ({ slow: true }))
    const stop = new AbortController()
    const ask = chatCompletions({ url: server.url, model: 'judge', timeoutMs: 5000, retries: 2, backoffMs: 1 })
    const answer = ask(messages, { admit: async () => undefined, settle: () => undefined }, stop.signal)
    setTimeout(() => stop.abort(new Error('enough')), 30)
    await expect(answer).rejects.toThrow('enough')
  })
})

describe('endpointOf', () => {
  it.each([
    ['http://host/v1', 'http://host/v1/chat/completions'],
    ['http://host/v1/', 'http://host/v1/chat/completions'],
    ['https://host/v1/chat/completions', 'https://host/v1/chat/completions'],
    ['https://host/x?version=1', 'https://host/x/chat/completions?version=1'],
  ])('%s is %s', (url, endpoint) => expect(endpointOf(url, '/chat/completions')).toBe(endpoint))

  it.each(['host/v1', 'file:///etc/passwd', ''])('%j is refused', (url) =>
    expect(() => endpointOf(url, '/chat/completions')).toThrow('Expected an http'),
  )
})
