import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { queryObjects } from 'node:v8'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { fakeLm, fakeModels, fakeRm } from '../../fakes.js'
import { badRequests } from './badRequests.js'
import { type Served, serve } from './served.js'

const lm = fakeLm({ delay: () => sleep(1), maxBatch: 64 })
const rm = fakeRm({ delay: () => sleep(1), maxBatch: 64 })
let served: Served
beforeAll(async () => {
  served = await serve(fakeModels(lm, [rm]))
})
afterAll(() => served.close())

function open(): Socket {
  const { hostname, port } = new URL(served.url)
  return connect(Number(port), hostname)
    .on('error', () => undefined)
    .resume()
}

const body = JSON.stringify({ prompt: 'x', max_tokens: 3000, stream: true })
const head = `POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n`

/** Connects, sends, and leaves when something happened. */
const leaving =
  (bytes: string, when: (socket: Socket) => Promise<unknown>, leave: (socket: Socket) => void = (socket) => socket.destroy()) =>
  async () => {
    const socket = open()
    socket.write(bytes)
    await when(socket).catch(() => undefined)
    leave(socket)
    if (!socket.closed) await once(socket, 'close')
  }
const isThere = (socket: Socket) => once(socket, 'connect').then(() => sleep(5))
const answers = (socket: Socket) => once(socket, 'data')
const ask = (fields: object, signal?: AbortSignal) =>
  served.post('/v1/completions', { prompt: 'x', max_tokens: 3000, ...fields }, signal ? { signal } : {})

/** What clients do, each on a connection of its own. */
const clients: Readonly<Record<string, () => Promise<unknown>>> = {
  'leaves in the middle of a stream': leaving(`${head}\r\n${body}`, answers),
  'closes its half in the middle of a stream, then the rest': leaving(`${head}\r\n${body}`, async (socket) => {
    await answers(socket)
    socket.end()
    await sleep(5)
  }),
  'leaves an answer that is no stream': async () => {
    const left = new AbortController()
    const asked = ask({}, left.signal).catch(() => undefined)
    await sleep(5)
    left.abort()
    await asked
  },
  'leaves while it waits for a place': leaving(`${head}\r\n${body}`, isThere),
  'leaves in the middle of its body': leaving(`${head}\r\n${body.slice(0, 20)}`, isThere),
  'leaves in the middle of its headers': leaving(head, isThere),
  'says nothing': leaving('', isThere),
  'closes its half without a word': leaving('', isThere, (socket) => socket.end()),
  'speaks something else': leaving('\x16\x03\x01\x02\x00\x01\x00', answers),
  'gets an error': async () => (await ask({ max_tokens: 'many' })).text(),
  'gets a whole stream': async () => (await ask({ max_tokens: 3, stream: true })).text(),
  'gets scores': async () => (await served.post('/v1/score', { text_1: 'a', text_2: 'b' })).text(),
}

const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length

/** Everything that is alive after a garbage collection, once all connections are closed; clients keep some for another request. */
async function liveObjects(): Promise<number> {
  const { slots } = served.service
  await vi.waitUntil(() => slots.running + slots.waiting + sockets() === 0, { timeout: 120_000, interval: 100 })
  // The fakes remember what they did.
  for (const list of [lm.batches, lm.released, rm.batches, rm.released]) list.length = 0
  const counts: number[] = []
  for (let at = 0; at < 4; at++) {
    // What a collection frees may let go of more.
    await sleep(300)
    counts.push(Number(queryObjects(Object, { format: 'count' })))
  }
  return Math.min(...counts)
}

/**
 * How many more objects are alive after `use`, each time. What leaks grows every time, while pools and compiled code of the platform grow once, so the
 * least of several times tells.
 */
async function growthOf(use: () => Promise<void>): Promise<number> {
  const growths: number[] = []
  let before = await liveObjects()
  for (let at = 0; at < 3; at++) {
    await use()
    const after = await liveObjects()
    growths.push(after - before)
    before = after
  }
  return Math.min(...growths)
}

async function round(connections: number): Promise<void> {
  for (let at = 0; at < connections; at++) await Promise.all(Object.values(clients).map((client) => client()))
}

it('keeps nothing of connections, however they end', { timeout: 600_000 }, async () => {
  await Promise.all(Array.from({ length: 20 }, () => round(1)))
  const times = 50
  // One object that stays is one a connection.
  expect(await growthOf(() => round(times))).toBeLessThan(times / 2)
  expect([lm.held.size, rm.held.size]).toEqual([0, 0])
})

it('keeps nothing of a thousand bad requests of more than forty kinds', { timeout: 600_000 }, async () => {
  const all = async (): Promise<void> => {
    for (const [kind, path, bad, status] of badRequests) {
      const response = await served.post(path, bad)
      await response.arrayBuffer()
      expect([kind, response.status]).toEqual([kind, status])
    }
  }
  expect(new Set(badRequests.map(([kind]) => kind)).size).toBeGreaterThan(40)
  await all()
  const rounds = Math.ceil(1000 / badRequests.length / 3)
  const third = async (): Promise<void> => {
    for (let round = 0; round < rounds; round++) await all()
  }
  expect(await growthOf(third)).toBeLessThan(rounds * badRequests.length * 0.2)
})

it('closes connections whose headers or bodies do not come, and keeps nothing of them', { timeout: 600_000 }, async () => {
  const slow = async (bytes: string): Promise<string> => {
    const socket = open()
    let text = ''
    socket.on('data', (data) => {
      text += data
    })
    socket.write(bytes)
    await once(socket, 'close')
    return text
  }
  const many = async (count: number) => {
    const begun = ['GET /health HTTP/1.1\r\nx-a: ', `${head}\r\n${body.slice(0, 20)}`]
    const answers = await Promise.all(begun.flatMap((bytes) => Array.from({ length: count }, () => slow(bytes))))
    expect(new Set(answers.map((answer) => answer.split('\r\n')[0]))).toEqual(new Set(['HTTP/1.1 408 Request Timeout']))
  }
  expect(await growthOf(() => many(100))).toBeLessThan(50)
})
