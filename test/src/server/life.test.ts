import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { ModelLostError, OutOfMemoryError } from '../../../src/core/errors.js'
import { fakeLm, fakeModels, fakeRm } from '../../fakes.js'
import { type Answer, type Chunk, eventsIn, type Served, serve } from './served.js'

const COMPLETIONS = '/v1/completions'
let served: Served | undefined
afterEach(() => served?.close())

/** Models whose batches take a while, and whose replies do not end by themselves. */
function slow(milliseconds = 2) {
  const delay = () => sleep(milliseconds)
  const [lm, rm] = [fakeLm({ delay }), fakeRm({ delay })]
  return { lm, rm, models: fakeModels(lm, [rm]) }
}

const long = { prompt: 'long', max_tokens: 3000 }
const until = (condition: () => boolean): Promise<void> =>
  vi.waitUntil(condition, { timeout: 20_000, interval: 5 }).then(() => undefined)

/** Starts a stream, waits for its first events, and gives what leaves it. */
async function stream(body: object = long) {
  const leave = new AbortController()
  const response = await served!.post(COMPLETIONS, { ...body, stream: true }, { signal: leave.signal })
  const reader = response.body!.getReader()
  await reader.read()
  return { leave: () => leave.abort(), response, reader }
}

describe('a client that leaves', () => {
  it('frees the caches of its replies within one step, and those who wait move up', async () => {
    const { lm, rm, models } = slow()
    served = await serve(models, { limits: { maxRunning: 2 } })
    const { slots } = served.service
    const streams = await Promise.all([stream(), stream()])
    const waiting = served.post(COMPLETIONS, { prompt: 'next', max_tokens: 2 })
    await until(() => slots.waiting === 1)
    const [batches, released] = [lm.batches.length, lm.released.length]
    streams[0]!.leave()
    await until(() => lm.released.length > released)
    expect(slots.waiting).toBe(0)
    expect((await waiting).status).toBe(200)
    streams[1]!.leave()
    await until(() => slots.running === 0)
    expect(lm.batches.length).toBeGreaterThan(batches)
    expect(lm.released).toHaveLength(3)
    expect(rm.released).toHaveLength(3)
    const after = lm.batches.length
    await sleep(30)
    expect(lm.batches.length - after).toBeLessThanOrEqual(1)
  })

  it('of an answer that is no stream frees them, too, and one that waits leaves the queue', async () => {
    const { lm, models } = slow()
    served = await serve(models, { limits: { maxRunning: 1 } })
    const { slots } = served.service
    const leave = new AbortController()
    const asked = [1, 2].map(() => served!.post(COMPLETIONS, long, { signal: leave.signal }).catch(() => 'left'))
    await until(() => slots.running === 1 && slots.waiting === 1)
    leave.abort()
    expect(await Promise.all(asked)).toEqual(['left', 'left'])
    await until(() => slots.running + slots.waiting === 0)
    expect(lm.released.length).toBeGreaterThan(0)
  })
})

describe('limits', () => {
  it('answers 429 with Retry-After to what does not fit the queue', async () => {
    served = await serve(slow().models, { limits: { maxRunning: 1, maxQueue: 1 } })
    const one = await stream()
    const waits = served.post(COMPLETIONS, { prompt: 'waits', max_tokens: 1 })
    await until(() => served!.service.slots.waiting === 1)
    const refused = await served.post(COMPLETIONS, { prompt: 'refused' })
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1'])
    expect(await refused.json()).toMatchObject({ error: { type: 'rate_limit_error', code: 'queue_full' } })
    one.leave()
    expect((await waits).status).toBe(200)
  })

  it('ends what takes too long, as an error', async () => {
    served = await serve(slow().models, { limits: { requestTimeoutMs: 150 } })
    const whole = await served.post(COMPLETIONS, long)
    expect(whole.status).toBe(408)
    const chunks = await served.chunks<Chunk>(COMPLETIONS, long)
    expect(chunks.at(-1)!.error!.code).toBe('timeout')
    await until(() => served!.service.slots.running === 0)
  })

  it('refuses more candidates than a step may score', async () => {
    served = await serve(fakeModels(), { limits: { maxCandidates: 8 } })
    const steps = [{ topP: { p: 1 } }, { batchReward: {} }, { selectGreedy: {} }]
    const refused = await served.post(COMPLETIONS, { prompt: 'wide', rxargs: { steps } })
    expect(refused.status).toBe(400)
    expect(await refused.json()).toMatchObject({
      error: { code: 'limit_exceeded', message: expect.stringContaining('at most 8') },
    })
  })
})

describe('a server that is to stop', () => {
  it('finishes what runs, takes nothing new, and then closes', async () => {
    served = await serve(slow().models)
    const { reader } = await stream({ prompt: 'last', max_tokens: 60 })
    const drained = served.drain(20_000)
    expect(served.service.life.phase).toBe('draining')
    await expect(served.post(COMPLETIONS, { prompt: 'late' })).rejects.toThrow()
    let text = 'data: {}\n\n'
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += new TextDecoder().decode(part.value)
    expect(eventsIn<Chunk>(text).at(-1)!.choices[0]!.finish_reason).toBe('length')
    await drained
  })

  it('tells the clients of what it cuts short', async () => {
    served = await serve(slow().models)
    const { reader } = await stream()
    const drained = served.drain(50)
    let text = 'data: {}\n\n'
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += new TextDecoder().decode(part.value)
    expect(eventsIn<Chunk>(text).at(-1)!.error!.code).toBe('shutting_down')
    await drained
  })

  it('has lost a model: it is not ready, and says so', async () => {
    const lm = fakeLm()
    const lost = { ...lm, run: () => Promise.reject(new ModelLostError('gone')) }
    served = await serve(fakeModels(lost))
    expect((await served.post(COMPLETIONS, { prompt: 'a' })).status).toBe(503)
    const ready = await fetch(`${served.url}/ready`)
    expect([ready.status, await ready.json()]).toEqual([503, { status: 'lost' }])
    expect((await fetch(`${served.url}/health`)).status).toBe(200)
    expect(await (await served.post(COMPLETIONS, { prompt: 'a' })).json()).toMatchObject({ error: { code: 'model_lost' } })
  })

  it.each([
    ['a model', new OutOfMemoryError('lm: no memory')],
    ['the server itself', new RangeError('Array buffer allocation failed')],
  ])('goes on after a request for which no memory was left for %s', async (_, error) => {
    const lm = fakeLm()
    let calls = 0
    const run: typeof lm.run = (batch) => (calls++ === 0 ? Promise.reject(error) : lm.run(batch))
    served = await serve(fakeModels({ ...lm, run }))
    const refused = await served.post(COMPLETIONS, { prompt: 'a' })
    expect([refused.status, await refused.json()]).toMatchObject([503, { error: { code: 'out_of_memory' } }])
    expect((await served.post(COMPLETIONS, { prompt: 'a' })).status).toBe(200)
  })
})

it('reads a long prompt in pieces, at most one of them between two steps of a running stream', async () => {
  type Batch = Readonly<{ steps: number; pieces: number }>
  const batches: Batch[] = []
  const short = 5
  const lm = { ...fakeLm({ delay: () => sleep(1), maxBatch: 64 }), chunk: 64 }
  const run: typeof lm.run = (calls) => {
    const steps = calls.filter(({ sequence }) => sequence.promptTokenIds.length === short && sequence.tokenIds.length > 0).length
    const pieces = calls.filter(({ sequence }) => sequence.promptTokenIds.length > short && sequence.tokenIds.length === 0).length
    batches.push({ steps, pieces })
    return lm.run(calls)
  }
  served = await serve(fakeModels({ ...lm, run }, []))
  const streams = await Promise.all(Array.from({ length: 8 }, () => stream({ prompt: 'short', max_tokens: 3000 })))
  const before = batches.length
  const { usage } = await served.answer<Answer>(COMPLETIONS, { prompt: 'x'.repeat(2000), max_tokens: 1 })
  for (const { leave } of streams) leave()
  expect(usage.prompt_tokens).toBe(2000)
  const meanwhile = batches.slice(before)
  // 2,000 tokens are 32 pieces of 64.
  expect(meanwhile.reduce((sum, { pieces }) => sum + pieces, 0)).toBe(32)
  expect(Math.max(...meanwhile.map(({ pieces }) => pieces))).toBe(1)
  // Every batch with a piece has a step of all streams, too, so no stream waits for two pieces.
  expect(meanwhile.filter(({ pieces }) => pieces > 0).map(({ steps }) => steps)).toEqual(Array(32).fill(8))
})
