import { afterEach, describe, expect, it } from 'vitest'
import { ModelLostError, OptionError, RemoteError } from '../../../../src/core/errors.js'
import type { RemoteWorld } from '../../../../src/models/remote/remoteOptions.js'
import { type RemoteReward, remoteReward } from '../../../../src/models/remote/remoteReward.js'
import { type Behaviour, type JsonServer, jsonServer } from './jsonServer.js'

type Body = Readonly<{ texts?: string[]; input?: string[]; inputs?: string[][] }>
let server: JsonServer<Body> | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

const textsOf = ({ texts, input, inputs }: Body): string[] => texts ?? input ?? inputs!.map(([text]) => text!)
/** The reward of a text is its length, in the answer of each kind of server. */
const answers: Readonly<Record<string, (texts: readonly string[]) => unknown>> = {
  '/score': (texts) => texts.map((text) => text.length),
  '/v1/classify': (texts) => ({ data: texts.map((text, index) => ({ index, probs: [text.length], num_classes: 1 })) }),
  '/predict': (texts) => texts.map((text) => [{ label: 'LABEL_0', score: text.length }]),
}
const good = (path: string, body: Body): Behaviour => ({ body: JSON.stringify(answers[path]!(textsOf(body))) })

type Setup = Partial<RemoteReward> & RemoteWorld & Readonly<{ path?: string }>
/** A reward behind a server that behaves so in turn, and well after that; the pauses that it makes. */
async function behind(bad: readonly Behaviour[], { path = '/score', environment = {}, now, sleep, ...more }: Setup = {}) {
  server = await jsonServer<Body>(({ path: asked, body }, number) => bad[number] ?? good(asked.split('?')[0]!, body))
  const pauses: number[] = []
  const instead = sleep ?? (async (milliseconds: number) => void pauses.push(milliseconds))
  const options = { name: 'safe', url: server.url + path, backoffMs: 1, ...more }
  const reward = remoteReward(options, { environment, sleep: instead, ...(now && { now }) })
  const score = (texts: readonly string[], signal = new AbortController().signal) => reward.scoreTexts(texts, signal, [])
  return { score: async (...given: Parameters<typeof score>) => score(...given), pauses, reward }
}
const failure = (given: Promise<unknown>): Promise<Error> =>
  given.then(
    () => Promise.reject(new Error('Expected it to fail')),
    (error: Error) => error,
  )
const sent = () => server!.requests.map(({ body }) => body)

describe('remoteReward', () => {
  it.each<[string, unknown]>([
    ['/score', { texts: ['a', 'bcd'] }],
    ['/v1/classify', { input: ['a', 'bcd'], use_activation: false }],
    ['/predict', { inputs: [['a'], ['bcd']], raw_scores: true, truncate: false }],
  ])('sends %s the request of its protocol', async (path, body) => {
    const { score } = await behind([], { path })
    expect(await score(['a', 'bcd'])).toEqual([1, 3])
    expect(server!.requests).toEqual([{ path, authorization: undefined, body }])
  })

  it.each([
    ['/v1/classify', '1', { data: [{ probs: [0.25, 0.75] }] }],
    ['/predict', 'good', [[...['bad', 'good'].map((label, index) => ({ label, score: 0.25 + index / 2 }))]]],
  ])('reads the class of the label from %s', async (path, label, answer) => {
    const bad = { body: JSON.stringify(answer) }
    const { score } = await behind([bad], { path, label })
    expect(await score(['a'])).toEqual([0.75])
    await server!.close()
    const unlabelled = await behind([bad], { path })
    expect((await failure(unlabelled.score(['a']))).message).toMatch(/expected one class, or a `label` .*, got 2 for text 0: /)
    await server!.close()
    const wrong = await behind([bad], { path, label: 'none' })
    expect((await failure(wrong.score(['a']))).message).toMatch(/expected a class `none`, got .* for text 0$/)
  })

  it.each<[string, Behaviour]>([
    ['a rate limit', { status: 429 }],
    ['a failure of the server', { status: 500 }],
    ['a cut answer', { cut: true }],
    ['an answer that does not come', { slow: true }],
    ['an answer that is no JSON', { body: '<html>' }],
  ])('retries after %s', async (_, bad) => {
    // Only the answer that does not come needs the time-out; a busy machine must not reach it in the other cases.
    const { score, pauses } = await behind([bad, bad], { timeoutMs: 'slow' in bad ? 1000 : 30_000 })
    expect(await score(['ab'])).toEqual([2])
    expect(pauses).toEqual([1, 2])
  })

  it('waits for Retry-After', async () => {
    const { score, pauses } = await behind([{ status: 429, retryAfter: '3' }])
    expect(await score(['ab'])).toEqual([2])
    expect(pauses).toEqual([3000])
  })

  it.each<[string, string, string]>([
    ['/score', '[1]', 'expected a number for each of 2 texts, got 1'],
    ['/score', '{"scores":[1,2]}', 'expected `[number, …]` for 2 texts, got `{"scores":[1,2]}`'],
    ['/score', '[1, NaN]', 'expected a finite number for text 1 of 2 texts, got `"NaN"`'],
    ['/score', '[1, "2"]', 'expected a finite number for text 1 of 2 texts, got `"2"`'],
    ['/score', '[1, null]', 'expected a finite number for text 1 of 2 texts, got `null`'],
    ['/score', '[1, 1e300]', 'expected a finite number for text 1 of 2 texts, got `1e+300`'],
    ['/v1/classify', '{"data":[{"probs":1}]}', 'expected `{"data": [{"probs": [number]}, …]}` for 2 texts, got `{"data":'],
    ['/predict', '[{"label":"a","score":1}]', 'expected `[[{"label": name, "score": number}], …]` for 2 texts, got `[{"la'],
    ['/predict', 'null', 'got `null`'],
  ])('%s answering %s fails with one line, the address and no retry', async (path, body, message) => {
    const { score } = await behind([{ body }], { path: `${path}?token=hidden` })
    const error = await failure(score(['a', 'b']))
    expect(error).toBeInstanceOf(RemoteError)
    expect(error.message).toContain(`${server!.url}${path}?…: expected`)
    expect(error.message).toContain(message)
    expect(error.message).not.toMatch(/hidden|\n/)
    expect(server!.requests).toHaveLength(1)
  })

  it('merges waiting calls, up to `maxBatch` texts a request and `concurrency` requests', async () => {
    const { score } = await behind([], { maxBatch: 4, concurrency: 2 })
    const asked = Array.from({ length: 8 }, (_, index) => ['x'.repeat(index), 'y', 'z'].slice(0, 1 + (index % 3)))
    expect(await Promise.all(asked.map((texts) => score(texts)))).toEqual(asked.map((texts) => texts.map(({ length }) => length)))
    const sizes = sent().map(({ texts }) => texts!.length)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4)
    expect(sizes.length).toBeLessThan(asked.length)
    expect(server!.most()).toBeLessThanOrEqual(2)
    expect(await score(Array.from({ length: 9 }, () => 'q'))).toHaveLength(9)
  })

  it('fails a call only because of its own texts', async () => {
    server = await jsonServer<Body>(({ path, body }) =>
      body.texts!.includes('long') ? { status: 413, body: 'too long' } : good(path, body),
    )
    const reward = remoteReward({ name: 'safe', url: `${server.url}/score` })
    const { signal } = new AbortController()
    const [first, second, third] = await Promise.allSettled(
      ['a', 'long', 'bc'].map(async (text) => reward.scoreTexts([text], signal, [])),
    )
    expect([first, third]).toEqual([
      { status: 'fulfilled', value: [1] },
      { status: 'fulfilled', value: [2] },
    ])
    expect(second).toMatchObject({ reason: { message: `${server.url}/score refused: 413 Payload Too Large: too long` } })
  })

  it('pauses for a server that is down, then tests it with one request, and resumes when that succeeds', async () => {
    let time = 0
    const down = Array.from({ length: 4 }, () => ({ status: 503 }))
    const { score } = await behind(down, { retries: 0, failures: 3, pauseMs: 1000, now: () => time })
    for (let call = 0; call < 3; call++) expect((await failure(score(['a']))).message).toContain('failed 1 time')
    expect((await failure(score(['a']))).message).toMatch(/\/score failed 3 requests in a row: no requests for another 1 s$/)
    expect(server!.requests).toHaveLength(3)
    time = 1000
    expect((await failure(score(['a']))).message).toContain('failed 1 time')
    expect((await failure(score(['a']))).message).toContain('no requests for another 1 s')
    expect(server!.requests).toHaveLength(4)
    time = 2000
    expect(await score(['a'])).toEqual([1])
    expect(await score(['ab'])).toEqual([2])
  })

  it('admits one request at a time while it tests the server', async () => {
    let time = 0
    const { score } = await behind([{ status: 503 }], { retries: 0, failures: 1, pauseMs: 10, maxBatch: 1, now: () => time })
    await failure(score(['a']))
    time = 10
    const [one, other] = await Promise.allSettled([score(['a']), score(['b'])])
    expect(one).toMatchObject({ value: [1] })
    expect(other).toMatchObject({ reason: { message: expect.stringContaining('another request is testing it now') } })
  })

  it('leaves a request when its signal aborts, and aborts a request that nobody waits for', async () => {
    const { score } = await behind([{ slow: true }])
    const [stop, other] = [new AbortController(), new AbortController()]
    const both = Promise.allSettled([score(['a'], stop.signal), score(['b'], other.signal)])
    await expect.poll(() => server!.requests.length).toBe(1)
    stop.abort(new Error('enough'))
    await Promise.resolve()
    expect(server!.open()).toBe(1)
    other.abort(new Error('enough, too'))
    expect((await both).map((one) => (one as PromiseRejectedResult).reason.message)).toEqual(['enough', 'enough, too'])
    await expect.poll(() => server!.open()).toBe(0)
  })

  it('reads its own key before the shared one from the environment, and never prints it', async () => {
    const environment = { RXARGS_REWARD_API_KEY: 'shared-key', RXARGS_REWARD_API_KEY_NOT_SAFE: 'own-key' }
    const own = await behind([{ status: 400, body: 'not with own-key' }], { name: 'not-safe', environment })
    const error = await failure(own.score(['a']))
    expect(server!.requests[0]!.authorization).toBe('Bearer own-key')
    expect(error.message).toMatch(/refused: 400 Bad Request: not with …$/)
    expect(JSON.stringify(own.reward)).not.toContain('own-key')
    await server!.close()
    const shared = await behind([], { environment })
    await shared.score(['a'])
    expect(server!.requests[0]!.authorization).toBe('Bearer shared-key')
  })

  it('ends the run if no request can succeed', async () => {
    const { score } = await behind([{ status: 401, body: 'no key' }])
    expect(await failure(score(['a']))).toEqual(
      new ModelLostError(`Reward \`safe\`: ${server!.url}/score refused: 401 Unauthorized: no key`),
    )
  })

  it('has its address as source, without the query', () => {
    const { source } = remoteReward(
      { name: 'safe', url: 'https://host:81/a/predict?code=hidden', label: 'x' },
      { environment: {} },
    )
    expect(source).toEqual({ path: 'https://host:81/a/predict?…', label: 'x' })
  })

  it('refuses an address with a password, an invalid address and invalid options', () => {
    const make = (more: Partial<RemoteReward>) => () => remoteReward({ name: 'safe', url: 'http://host', ...more })
    expect(make({ url: 'http://ann:hidden@host/predict' })).toThrow(
      new RemoteError(
        'Expected an address without user and password, got one of them in http://host/predict: put the key in an environment variable',
        true,
      ),
    )
    expect(make({ url: 'http://ann:hidden@:x' })).toThrow(new RemoteError('Expected an http(s) address, got `http://…@:x`', true))
    expect(make({ url: 'file:///etc/passwd' })).toThrow('Expected an http(s) address')
    expect(make({ concurrency: 0 })).toThrow(OptionError)
  })
})
