import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { batchTextReward } from '../../../pipelines/rewards/textReward.js'
import { RemoteError } from '../../../src/core/errors.js'
import { fakeLm, fakeModels } from '../../fakes.js'
import { type Served, serve } from './served.js'

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
    const whole = await served.post(COMPLETIONS, { prompt: 'a' })
    expect([whole.status, await whole.json()]).toMatchObject([500, { error: { message, code } }])
    expect((await served.chunks(COMPLETIONS, { prompt: 'a' })).at(-1)!.error).toMatchObject({ message, code })
    expect(notices).toEqual([expect.stringContaining(SECRET), expect.stringContaining(SECRET)])
  })

  it('in the reward of a whole reply is told to the log alone', async () => {
    served = await serve(fakeModels(fakeLm(), [failing]), { onNotice })
    const { choices } = await served.answer(COMPLETIONS, { prompt: 'a', max_tokens: 1, rxargs: { decoder: 'greedy' } })
    expect(choices[0]!.rxargs).toMatchObject({ rewards: { rm: null }, error: 'A reward failed on this request' })
    expect(notices).toEqual([expect.stringContaining(SECRET)])
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
