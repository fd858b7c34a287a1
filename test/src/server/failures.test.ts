import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { batchTextReward } from '../../../pipelines/rewards/textReward.js'
import { RemoteError } from '../../../src/core/errors.js'
import { fakeLm, fakeModels } from '../../fakes.js'
import { type Answer, type Chunk, eventsIn, type Served, serve } from './served.js'

const SECRET = 'http://10.0.0.7/secret'
const COMPLETIONS = '/v1/completions'
let served: Served | undefined
let notices: string[]
beforeEach(() => {
  notices = []
})
afterEach(() => served?.close())

const onNotice = (notice: string) => void notices.push(notice)
const failing = batchTextReward('rm', () => Promise.reject(new Error(SECRET)))

describe('a failure of the server', () => {
  it.each([
    ['of a reward', fakeModels(fakeLm(), [failing]), 'A reward failed on this request', 'reward_failed'],
    [
      'of a model server',
      fakeModels({ ...fakeLm(), run: () => Promise.reject(new RemoteError(SECRET)) }),
      'A model server that this server calls failed',
      'model_failed',
    ],
    [
      'of another kind',
      fakeModels({ ...fakeLm(), run: () => Promise.reject(new TypeError(SECRET)) }),
      'The server failed on this request',
      'internal_error',
    ],
  ])('%s is told to the log alone, whole or as a stream', async (_, models, message, code) => {
    served = await serve(models, { onNotice })
    for (const stream of [false, true]) {
      const response = await served.post(COMPLETIONS, { prompt: 'a', stream })
      const requestId = response.headers.get('x-request-id')!
      const text = await response.text()
      const { error } = stream ? eventsIn<Chunk>(text).at(-1)! : (JSON.parse(text) as Chunk)
      expect([response.status, error]).toMatchObject([
        stream ? 200 : 500,
        { message: `${message} (request id ${requestId})`, code },
      ])
      expect(text).not.toContain(SECRET)
      expect(notices.at(-1)).toMatch(new RegExp(`^Request ${requestId} failed: .*${SECRET}`, 's'))
    }
    expect(notices).toHaveLength(2)
  })

  it('in the reward of a whole reply is told to the log alone', async () => {
    served = await serve(fakeModels(fakeLm(), [failing]), { onNotice })
    const response = await served.post(COMPLETIONS, { prompt: 'a', max_tokens: 1, rxargs: { decoder: 'greedy' } })
    const requestId = response.headers.get('x-request-id')
    const { choices } = (await response.json()) as Answer
    expect(choices[0]!.rxargs).toMatchObject({
      rewards: { rm: null },
      error: `A reward failed on this request (request id ${requestId})`,
    })
    expect(notices).toEqual([expect.stringMatching(`^Request ${requestId}: a reward of a reply failed: .*${SECRET}`)])
  })

  it.each([
    ['/classify', { input: 'a' }],
    ['/v1/score', { text_1: 'a', text_2: 'b' }],
  ])('in a score of %s is told to the log alone', async (path, body) => {
    served = await serve(fakeModels(fakeLm(), [failing]), { onNotice })
    const response = await served.post(path, body)
    expect([response.status, await response.text()]).toEqual([500, expect.not.stringContaining(SECRET)])
    expect(notices).toEqual([expect.stringContaining(response.headers.get('x-request-id')!)])
  })
})

it('logs nothing of a client that leaves in the middle of its body', async () => {
  served = await serve(fakeModels(), { onNotice })
  const { hostname, port } = new URL(served.url)
  const socket = connect(Number(port), hostname)
  socket.write(
    'POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"prompt"',
  )
  await new Promise((resolve) => setTimeout(resolve, 50))
  socket.destroy()
  await served.close()
  served = undefined
  expect(notices).toEqual([])
})
