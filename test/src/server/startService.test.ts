import { describe, expect, it } from 'vitest'
import { args } from '../../../pipelines/decoders/args.js'
import { dexperts } from '../../../pipelines/decoders/dexperts.js'
import { topKSampling } from '../../../pipelines/decoders/topKSampling.js'
import { OptionError, TemplateError } from '../../../src/core/errors.js'
import { bindServer } from '../../../src/server/startServer.js'
import { charCodec, fakeLm, fakeModels, fakeRm } from '../../fakes.js'
import { serve } from './served.js'

const { vocabSize } = charCodec()

describe('a server', () => {
  it.each([
    [
      'more candidates than a reward may score',
      { decoder: args({ k: 9 }), limits: { maxCandidates: 8 } },
      /`--k` to be at most 8,/,
    ],
    [
      'more candidates than there are tokens',
      { decoder: args({ k: vocabSize + 1 }), limits: { maxCandidates: 10_000 } },
      new RegExp(`\`--k\` to be at most ${vocabSize},`),
    ],
    ['replies as long as the context', { maxNewTokens: 4096 }, /`--max-new-tokens` to be below the context of 4096/],
    ['a decoder whose models are not there', { decoder: dexperts() }, /expert/],
  ])('does not start with %s', async (_, options, message) => {
    const started = serve(fakeModels(), options)
    await expect(started).rejects.toThrow(OptionError)
    await expect(started).rejects.toThrow(message)
  })

  it('starts with any number of candidates that no reward scores', async () => {
    const served = await serve(fakeModels(), { decoder: topKSampling({ k: 9 }), limits: { maxCandidates: 8 } })
    expect((await served.post('/v1/completions', { prompt: 'a', max_tokens: 2 })).status).toBe(200)
    await served.close()
  })
})

it("does not tell a client the model's folder", async () => {
  const render = () => {
    throw new TemplateError(
      'The chat template of /srv/secret refuses the messages: no',
      'The chat template refuses the messages: no',
    )
  }
  const served = await serve(fakeModels(fakeLm({ codec: { ...charCodec(), render } }), [fakeRm()]))
  const answer = await served.post('/v1/chat/completions', { messages: [{ role: 'robot', content: 'a' }] })
  expect([answer.status, await answer.json()]).toMatchObject([
    400,
    { error: { message: 'The chat template refuses the messages: no', param: 'messages' } },
  ])
  await served.close()
})

describe('an address', () => {
  it('that is taken is refused in plain words', async () => {
    const served = await serve()
    const { port } = new URL(served.url)
    await expect(bindServer({ host: '127.0.0.1', port: Number(port) })).rejects.toThrow(
      `Port ${port} of 127.0.0.1 is taken by another program (EADDRINUSE); \`--port 0\` takes a free one`,
    )
    await served.close()
  })

  it('that this machine does not have is refused in plain words', async () => {
    await expect(bindServer({ host: '192.0.2.1', port: 0 })).rejects.toThrow(/`--host` to be an address of this machine/)
  })

  it('answers 503 while models load', async () => {
    const free = await serve()
    const { port } = new URL(free.url)
    await free.close()
    const bound = await bindServer({ host: '127.0.0.1', port: Number(port) })
    const ready = await fetch(`http://127.0.0.1:${port}/ready`)
    expect([ready.status, await ready.json()]).toMatchObject([503, { error: { code: 'loading' } }])
    bound.close()
  })
})

it("takes a request's own k before the decoder's default is checked", async () => {
  const lm = fakeLm()
  const models = fakeModels({ ...lm, capabilities: { ...lm.capabilities, all: false, maxTop: 6 } }, [fakeRm()])
  const served = await serve(models)
  const ask = (rxargs: object) => served.post('/v1/completions', { prompt: 'a', max_tokens: 2, rxargs })
  expect((await ask({ decoder: 'args' })).status).toBe(400)
  expect((await ask({ decoder: 'args', k: 4 })).status).toBe(200)
  await served.close()
})

it('limits a reply without `max_tokens`, too', async () => {
  const served = await serve(fakeModels(), { maxNewTokens: 16, limits: { maxReplyTokens: 3 } })
  expect((await served.answer('/v1/completions', { prompt: 'a' })).usage.completion_tokens).toBe(3)
  expect((await served.post('/v1/completions', { prompt: 'a', max_tokens: 4 })).status).toBe(400)
  await served.close()
})

it('refuses more replies than can ever run and wait', async () => {
  const served = await serve(fakeModels(), { limits: { maxRunning: 1, maxQueue: 1 } })
  const refused = await served.post('/v1/completions', { prompt: 'a', n: 3 })
  expect([refused.status, await refused.json()]).toMatchObject([400, { error: { code: 'limit_exceeded' } }])
  await served.close()
})
