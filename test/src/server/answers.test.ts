import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { args } from '../../../pipelines/decoders/args.js'
import { generate } from '../../../pipelines/run/generate.js'
import type { Overrides } from '../../../src/core/prompt.js'
import type { Row } from '../../../src/core/run.js'
import { answers } from '../../../src/server/http/answerSchemas.js'
import { fakeLm, fakeModels, fakeRm, rowsOf } from '../../fakes.js'
import { type Served, serve } from './served.js'

const models = fakeModels(fakeLm({ endLogit: 0.5 }), [fakeRm(), fakeRm({ name: 'other' })])
let served: Served
beforeAll(async () => {
  served = await serve(models)
})
afterAll(() => served.close())

const COMPLETIONS = '/v1/completions'
const CHAT = '/v1/chat/completions'
const messages = [{ role: 'user', content: 'hi' }]

async function rowOf(text: string, overrides: Overrides): Promise<Row> {
  async function* source() {
    yield { id: 'prompt', content: { text }, overrides: { maxNewTokens: 16, ...overrides } }
  }
  const [row] = await rowsOf(generate(source(), args({ k: 5 }), models))
  return row!
}

describe('a stream', () => {
  it('brings the pieces of the whole answer, then its end, and usage if asked for', async () => {
    const body = { prompt: 'stream', seed: 3, temperature: 1, stop: 'zz', rxargs: { detail: 'candidates' } }
    const whole = await served.answer(COMPLETIONS, body)
    const chunks = await served.chunks(COMPLETIONS, { ...body, stream_options: { include_usage: true } })
    const choices = chunks.flatMap((chunk) => chunk.choices)
    expect(choices.map(({ text }) => text).join('')).toBe(whole.choices[0]!.text)
    expect(choices.flatMap(({ rxargs }) => rxargs?.tokens ?? [])).toEqual(whole.choices[0]!.rxargs.tokens)
    expect(choices.map(({ finish_reason }) => finish_reason).filter((reason) => reason)).toEqual([
      whole.choices[0]!.finish_reason,
    ])
    expect(choices.at(-1)!.rxargs).toEqual({ rewards: whole.choices[0]!.rxargs.rewards, seed: 3 })
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage })
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true)
  })

  it('of a chat begins with the role of each choice', async () => {
    const chunks = await served.chunks(CHAT, { messages, n: 2 })
    const first = chunks.slice(0, 2).flatMap(({ choices }) => choices)
    expect(first.map(({ index, delta }) => [index, delta.role])).toEqual([
      [0, 'assistant'],
      [1, 'assistant'],
    ])
    expect(chunks.every((chunk) => !('usage' in chunk))).toBe(true)
  })

  it('ends with the error of a reply that fails', async () => {
    const failing = await serve(fakeModels(fakeLm({ fails: (ids) => ids.length > 8 })))
    const chunks = await failing.chunks(COMPLETIONS, { prompt: 'abc' })
    expect(chunks.length).toBeGreaterThan(2)
    expect(chunks.at(-1)!.error).toEqual({
      ...{ message: expect.stringMatching(/^The server failed on this request \(request id [\w-]+\)$/), type: 'server_error' },
      ...{ param: null, code: 'internal_error' },
    })
    await failing.close()
  })
})

describe('an answer', () => {
  it.each([
    ['Completion', COMPLETIONS, { prompt: ['a', 'b'], n: 2, logprobs: 2, rxargs: { detail: 'candidates' } }],
    ['ChatCompletion', CHAT, { messages, logprobs: true, top_logprobs: 3, rxargs: { detail: 'tokens' } }],
    ['ScoreList', '/v1/score', { text_1: 'a', text_2: ['b', 'c'] }],
    ['Classification', '/classify', { input: ['a', 'b'] }],
  ] as const)('of the kind %s has the fields that the description of the API tells of', async (name, path, body) => {
    expect(answers[name].safeParse(await served.answer<unknown>(path, body)).error).toBeUndefined()
  })

  it.each<[string, Overrides, object]>([
    ['the decoder of the server', {}, {}],
    ['k and weight', { k: 2, weight: 4 }, { rxargs: { k: 2, weight: 4 } }],
    ['weights by name', { weight: { fake: 1, other: -2 } }, { rxargs: { weight: { fake: 1, other: -2 } } }],
    ['another decoder', { pipeline: 'nucleus', seed: 9 }, { seed: 9, rxargs: { decoder: 'nucleus' } }],
    ['a search', { pipeline: { search: { beam: { beams: 3 } } } }, { rxargs: { search: { beam: { beams: 3 } } } }],
    [
      'options of a search by name',
      { pipeline: { search: { beam: { beams: 3 } } } },
      { rxargs: { decoder: 'beam', options: { beams: 3 } } },
    ],
    [
      'options of a decoder by name',
      { pipeline: { steps: [{ topK: { k: 4 } }, { sampleTemperature: { temperature: 2, p: 0.7 } }] }, seed: 3 },
      { seed: 3, temperature: 2, rxargs: { decoder: 'top-k', k: 4, options: { p: 0.7 } } },
    ],
    [
      'steps',
      { pipeline: { steps: [{ topK: { k: 3 } }, { sampleTemperature: {} }] }, seed: 2 },
      { seed: 2, rxargs: { steps: [{ topK: { k: 3 } }, { sampleTemperature: {} }] } },
    ],
    ['temperature of args', { pipeline: 'args-stochastic', k: 5, temperature: 2, seed: 1 }, { temperature: 2, seed: 1 }],
    ['temperature 0 of a sampler', { pipeline: 'greedy' }, { temperature: 0, rxargs: { decoder: 'top-k' } }],
    [
      'temperature of greedy',
      {
        pipeline: { steps: [{ temperature: { temperature: 3 } }, { topP: { p: 0.8 } }, { sampleTemperature: {} }] },
        seed: 1,
      },
      { temperature: 3, top_p: 0.8, seed: 1, rxargs: { decoder: 'greedy' } },
    ],
  ])('is the row of generate with %s', async (_, overrides, fields) => {
    const row = await rowOf('the same', overrides)
    const { choices } = await served.answer(COMPLETIONS, { prompt: 'the same', seed: 0, ...fields })
    expect(choices[0]).toMatchObject({ text: row.completion, finish_reason: row.finishReason })
    expect(choices[0]!.rxargs.rewards).toEqual({ fake: row.reward, other: row.otherRewards!.other!.reward })
  })

  it('of a chat is the same for text parts as for their text', async () => {
    const contentOf = (content: unknown) => ({ messages: [{ role: 'user', content }], seed: 1, max_tokens: 4 })
    const text = await served.answer(CHAT, contentOf('Hi there'))
    const parts = ['Hi', ' there'].map((part) => ({ type: 'text', text: part }))
    const ofParts = await served.answer(CHAT, contentOf(parts))
    expect([ofParts.choices, ofParts.usage]).toEqual([text.choices, text.usage])
  })

  it('reports a seed that it has drawn, which gives the same reply again', async () => {
    const body = { prompt: 'seed', temperature: 5, max_tokens: 12 }
    const first = await served.answer(COMPLETIONS, body)
    const again = await served.answer(COMPLETIONS, { ...body, seed: first.choices[0]!.rxargs.seed })
    expect(again.choices).toEqual(first.choices)
    const others = await Promise.all([1, 2, 3].map(() => served.answer(COMPLETIONS, body)))
    expect(new Set([first, ...others].map(({ choices }) => choices[0]!.rxargs.seed)).size).toBeGreaterThan(1)
  })

  it('computes the rewards that a request names, in its order, functions among them', async () => {
    const rewards = [{ name: 'short', function: 'length', options: { target: 5 } }, 'other']
    const rxargs = { rewards, weight: { short: 2, other: 0.5 }, detail: 'candidates' }
    const { choices } = await served.answer(COMPLETIONS, { prompt: 'rewards', rxargs })
    const [token] = choices[0]!.rxargs.tokens!
    for (const { logit, score, rewards } of token!.candidates!)
      expect(score).toBeCloseTo(logit + 2 * rewards.short! + 0.5 * rewards.other!, 4)
    expect(Object.keys(choices[0]!.rxargs.rewards!)).toEqual(['short', 'other'])
  })

  it('needs no reward with an empty list of them', async () => {
    const { choices } = await served.answer(COMPLETIONS, { prompt: 'none', rxargs: { decoder: 'greedy', rewards: [] } })
    expect(choices[0]!.rxargs.rewards).toEqual({})
  })

  it('takes fields that say what is the default anyway', async () => {
    const neutral = { n: null, stop: null, top_p: 1, frequency_penalty: 0, presence_penalty: null, logit_bias: {}, user: 'me' }
    const text = { best_of: 1, echo: false, suffix: '', logprobs: null, response_format: { type: 'text' } }
    const plain = await served.answer(COMPLETIONS, { prompt: 'neutral', seed: 1 })
    expect((await served.answer(COMPLETIONS, { prompt: 'neutral', seed: 1, ...neutral, ...text })).choices).toEqual(plain.choices)
    await served.answer(CHAT, { messages, ...neutral, store: false, tools: [], tool_choice: 'none', logprobs: false })
  })
})

describe('log-probabilities', () => {
  const sum = (values: readonly number[]): number => values.reduce((all, value) => all + Math.exp(value), 0)

  it('are those of the language model over its whole vocabulary', async () => {
    const body = { prompt: 'lp', max_tokens: 3, logprobs: 100, return_tokens_as_token_ids: true }
    const { choices } = await served.answer(COMPLETIONS, { ...body, temperature: 0, frequency_penalty: 2 })
    const { tokens, token_logprobs, top_logprobs, text_offset } = choices[0]!.logprobs
    expect(text_offset[0]).toBe(0)
    for (const [at, token] of tokens.entries()) {
      expect(token).toMatch(/^token_id:\d+$/)
      expect(top_logprobs[at]![token]).toBe(token_logprobs[at])
      expect(sum(Object.values(top_logprobs[at]!))).toBeCloseTo(1, 3)
    }
  })

  it('of a chat come with the ids and bytes of tokens, likeliest first', async () => {
    const { choices } = await served.answer(CHAT, { messages, max_tokens: 2, logprobs: true, top_logprobs: 4 })
    for (const { top_logprobs } of choices[0]!.logprobs.content) {
      const values = top_logprobs.map(({ logprob }) => logprob)
      expect(values).toEqual([...values].sort((a, b) => b - a))
      expect(top_logprobs).toHaveLength(4)
    }
  })
})

it('lists the model with its decoders, rewards and functions', async () => {
  const list = (await (await fetch(`${served.url}/v1/models`)).json()) as Record<string, unknown>
  expect(answers.ModelList.safeParse(list).error).toBeUndefined()
  const [{ id, rxargs }] = list.data as [{ id: string; rxargs: Record<string, { name: string; unavailable?: string }[]> }]
  expect(id).toBe('tiny')
  expect(rxargs.rewards!.map(({ name }) => name)).toEqual(['fake', 'other'])
  expect(rxargs.decoders!.map(({ name }) => name)).toEqual(expect.arrayContaining(['args', 'best-of-n']))
  expect(rxargs.decoders!.filter(({ unavailable }) => unavailable !== undefined).map(({ name }) => name)).toEqual([
    'genarm',
    'dexperts',
    'contrastive-decoding',
  ])
  expect(rxargs.reward_functions!.map(({ name }) => name)).toContain('regex')
  expect(await (await fetch(`${served.url}/v1/models/tiny`)).json()).toMatchObject({ id: 'tiny' })
})

it('says why the server cannot run a decoder, and of no other: a request refuses the same ones', async () => {
  const bare = await serve(fakeModels(fakeLm(), []))
  const { data } = (await (await fetch(`${bare.url}/v1/models`)).json()) as {
    data: [{ rxargs: { decoders: { name: string; unavailable?: string }[] } }]
  }
  const rewards = [{ name: 'short', function: 'length', options: { target: 4 } }]
  for (const { name, unavailable } of data[0].rxargs.decoders) {
    const response = await bare.post(COMPLETIONS, { prompt: 'a', max_tokens: 1, rxargs: { decoder: name, rewards } })
    const { error } = (await response.json()) as { error?: { message: string } }
    expect([name, error?.message.replace('short', 'length')]).toEqual([name, unavailable])
  }
  await bare.close()
})
