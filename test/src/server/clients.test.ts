import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { ChatOpenAI, OpenAI as LangChainOpenAI } from '@langchain/openai'
import { generateText, streamText } from 'ai'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fakeLm, fakeModels, fakeRm } from '../../fakes.js'
import { type Served, serve } from './served.js'

const KEY = 'sk-tiny'
let served: Served
let expected: string
beforeAll(async () => {
  served = await serve(fakeModels(fakeLm({ endLogit: 0.5 }), [fakeRm()]), { keys: ['other', KEY] })
  const response = await served.post(
    '/v1/chat/completions',
    { messages: [{ role: 'user', content: 'hi' }] },
    {
      headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
    },
  )
  expected = ((await response.json()) as { choices: [{ message: { content: string } }] }).choices[0].message.content
})
afterAll(() => served.close())

const messages = [{ role: 'user' as const, content: 'hi' }]

describe("OpenAI's own client", () => {
  const client = (apiKey = KEY) => new OpenAI({ apiKey, baseURL: `${served.url}/v1`, maxRetries: 0 })

  it('reads chats, whole and streamed', async () => {
    const whole = await client().chat.completions.create({ model: 'tiny', messages, logprobs: true, top_logprobs: 2 })
    expect(whole.choices[0]!.message.content).toBe(expected)
    expect(whole.choices[0]!.logprobs!.content).toHaveLength(whole.usage!.completion_tokens)
    const stream = client().chat.completions.stream({ model: 'tiny', messages, stream_options: { include_usage: true } })
    expect((await stream.finalChatCompletion()).choices[0]!.message.content).toBe(expected)
    expect((await stream.totalUsage()).completion_tokens).toBe(whole.usage!.completion_tokens)
  })

  it('reads completions of several prompts, with our own fields beside those of OpenAI', async () => {
    const rxargs = { k: 3, weight: 2, detail: 'tokens' }
    const body = { model: 'tiny', prompt: ['a', 'b'], max_tokens: 4, rxargs }
    const { choices } = await client().completions.create(body)
    expect(choices.map(({ index }) => index)).toEqual([0, 1])
    const [first] = choices as unknown as [{ rxargs: { tokens: unknown[] } }]
    expect(first.rxargs.tokens.length).toBeGreaterThan(0)
    let text = ''
    for await (const chunk of await client().completions.create({ ...body, prompt: 'a', stream: true }))
      text += chunk.choices[0]!.text
    expect(text).toBe(choices[0]!.text)
  })

  it('lists models', async () => {
    const models = await client().models.list()
    expect(models.data.map(({ id }) => id)).toEqual(['tiny'])
    expect((await client().models.retrieve('tiny')).owned_by).toBe('rxargs')
  })

  it('throws the errors of its own kinds', async () => {
    const ask = (model: string, more = {}) => client().chat.completions.create({ model, messages, ...more })
    await expect(client('wrong').models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError)
    await expect(ask('gpt-4')).rejects.toMatchObject({ status: 404, code: 'model_not_found', param: 'model' })
    await expect(ask('tiny', { tools: [{}] })).rejects.toBeInstanceOf(OpenAI.BadRequestError)
    await expect(ask('tiny', { audio: {} })).rejects.toMatchObject({ code: 'unsupported_parameter', param: 'audio' })
  })
})

describe("LangChain's provider", () => {
  const fields = () => ({ model: 'tiny', apiKey: KEY, configuration: { baseURL: `${served.url}/v1` }, maxRetries: 0 })

  it('invokes and streams chats', async () => {
    const chat = new ChatOpenAI(fields())
    expect((await chat.invoke('hi')).content).toBe(expected)
    let text = ''
    for await (const { content } of await chat.stream('hi')) text += String(content)
    expect(text).toBe(expected)
  })

  it('completes texts', async () => {
    const completion = await new LangChainOpenAI({ ...fields(), maxTokens: 5, temperature: 0 }).invoke('hi')
    expect(completion.length).toBeGreaterThan(0)
  })
})

describe('the Vercel AI SDK', () => {
  const provider = () => createOpenAICompatible({ name: 'rxargs', apiKey: KEY, baseURL: `${served.url}/v1`, includeUsage: true })

  it('generates and streams text', async () => {
    const whole = await generateText({ model: provider()('tiny'), prompt: 'hi', maxRetries: 0 })
    expect(whole.text).toBe(expected)
    expect(whole.finishReason).toMatch(/stop|length/)
    const stream = streamText({ model: provider()('tiny'), prompt: 'hi', maxRetries: 0 })
    expect(await stream.text).toBe(expected)
    expect((await stream.usage).outputTokens).toBe(whole.usage.outputTokens)
  })
})
