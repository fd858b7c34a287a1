import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { args } from '../../../pipelines/decoders/args.js'
import { extendedRegistry } from '../../../pipelines/registry/extendedRegistry.js'
import { builtIn } from '../../../pipelines/registry/registry.js'
import { generate } from '../../../pipelines/run/generate.js'
import type { Overrides } from '../../../src/core/prompt.js'
import { loadModels } from '../../../src/models/loadModels.js'
import { fakeLm, fakeModels, fakeRm, rowsOf } from '../../fakes.js'
import { root } from '../cli/rxargs.js'
import { type Served, serve } from './served.js'

const COMPLETIONS = '/v1/completions'
const models = fakeModels(fakeLm({ endLogit: 0.5 }), [fakeRm()])
let served: Served
beforeAll(async () => {
  served = await serve(models)
})
afterAll(() => served.close())

const body = { prompt: 'the same', seed: 4, max_tokens: 24 }

/** The reply of a run with this pipeline. */
async function replyOf(pipeline: Overrides['pipeline']) {
  async function* source() {
    yield { id: 'prompt', content: { text: body.prompt }, overrides: { maxNewTokens: 24, seed: 4, pipeline: pipeline! } }
  }
  const [row] = await rowsOf(generate(source(), args({ k: 5 }), models))
  expect(row!.error).toBeNull()
  return row!.completion
}
const textOf = async (fields: object) => (await served.answer(COMPLETIONS, { ...body, ...fields })).choices[0]!.text
const candidates = [{ topK: { k: 5 } }, { batchReward: {} }, { combineScore: { weight: 1.5 } }]

describe('top_p', () => {
  it.each<[string, object, Overrides['pipeline']]>([
    [
      'args at a temperature',
      { temperature: 3, top_p: 0.5 },
      { steps: [...candidates, { sampleTemperature: { temperature: 3, p: 0.5 } }] },
    ],
    [
      'top-k, with its own temperature',
      { top_p: 0.6, rxargs: { decoder: 'top-k', k: 9 } },
      { steps: [{ topK: { k: 9 } }, { sampleTemperature: { temperature: 0.7, p: 0.6 } }] },
    ],
    [
      'a nucleus, which takes it in place of its own, 1 included',
      { top_p: 1, rxargs: { decoder: 'nucleus' } },
      { steps: [{ topP: { p: 1 } }, { sampleTemperature: {} }] },
    ],
    [
      'steps that have one',
      { temperature: 2, rxargs: { steps: [{ topK: { k: 9 } }, { sampleTemperature: { p: 0.4 } }] } },
      { steps: [{ topK: { k: 9 } }, { sampleTemperature: { temperature: 2, p: 0.4 } }] },
    ],
    ['a search that samples', { top_p: 0.5, rxargs: { decoder: 'best-of-n' } }, { search: { bestOfN: { p: 0.5 } } }],
    ['cards', { top_p: 0.5, rxargs: { decoder: 'cards' } }, { search: { cards: { p: 0.5 } } }],
  ])('is that of %s', async (_, fields, pipeline) => {
    expect(await textOf(fields)).toBe(await replyOf(pipeline))
  })

  it.each<[string, object]>([
    ['args', {}],
    ['greedy decoding', { rxargs: { decoder: 'greedy' } }],
    ['temperature 0', { temperature: 0, rxargs: { decoder: 'args-stochastic' } }],
    ['rollouts', { rxargs: { search: { rollout: { k: 3, rolloutTokens: 2 } } } }],
  ])('changes nothing of %s, as the best candidate is in every nucleus', async (_, fields) => {
    expect(await textOf({ ...fields, top_p: 0.1 })).toBe(await textOf(fields))
  })

  it('changes a reply that is sampled', async () => {
    expect(await textOf({ temperature: 9, top_p: 0.01 })).not.toBe(await textOf({ temperature: 9 }))
  })
})

/** Searches with which there is nothing to search, and the decoders that give the same reply. */
const alike: readonly [string, object, object][] = [
  ['bestOfN', { n: 1, k: 6, temperature: 2 }, { steps: [{ topK: { k: 6 } }, { sampleTemperature: { temperature: 2 } }] }],
  [
    'blockBestOfN',
    { n: 1, k: 6, temperature: 2, blockTokens: 3 },
    { steps: [{ topK: { k: 6 } }, { sampleTemperature: { temperature: 2 } }] },
  ],
  [
    'cards',
    { rewardThreshold: -1e9, alpha: 1, k: 6, temperature: 2 },
    { steps: [{ topK: { k: 6 } }, { sampleTemperature: { temperature: 2 } }] },
  ],
  ['rollout', { k: 5, rolloutTokens: 0, weight: 1.5 }, { steps: [...candidates, { selectGreedy: {} }] }],
  ['beam', { beams: 1 }, { decoder: 'greedy' }],
]

describe('a search', () => {
  it.each(alike)(
    '%s reads the logits that penalties and biases change, and tells the log-probabilities of the model itself',
    async (name, options, decoder) => {
      const fields = { logit_bias: { 100: 3, 101: 5, 40: -20 }, frequency_penalty: 2, presence_penalty: 1, logprobs: 3 }
      const plain = await served.answer(COMPLETIONS, { ...body, ...fields, rxargs: decoder })
      const found = await served.answer(COMPLETIONS, { ...body, ...fields, rxargs: { search: { [name]: options } } })
      expect(found.choices[0]).toMatchObject({ text: plain.choices[0]!.text, logprobs: plain.choices[0]!.logprobs })
      expect(found.choices[0]!.logprobs.tokens.length).toBeGreaterThan(4)
      expect(found.choices[0]!.text).not.toBe(await textOf({ rxargs: { search: { [name]: options } } }))
    },
  )

  it('of several sequences has the log-probabilities of its tokens, and frees what it read', async () => {
    const lm = fakeLm()
    const own = await serve(fakeModels(lm))
    const { choices } = await own.answer(COMPLETIONS, { ...body, logprobs: 0, rxargs: { decoder: 'beam', detail: 'tokens' } })
    const [{ logprobs, rxargs }] = choices as [(typeof choices)[0]]
    const sum = logprobs.token_logprobs.reduce((all, one) => all + one, 0)
    expect(rxargs.tokens!.at(-1)!.score).toBeCloseTo(sum, 3)
    expect(lm.held.size).toBe(0)
    await own.close()
  })

  it('takes the places of the sequences that it decodes at once', async () => {
    let open = (): void => undefined
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const own = await serve(fakeModels(fakeLm({ delay: () => gate })), { limits: { maxRunning: 4, maxQueue: 4 } })
    const { slots } = own.service
    const ask = (beams: number) => own.post(COMPLETIONS, { ...body, rxargs: { search: { beam: { beams } } } })
    const first = ask(3)
    await vi.waitUntil(() => slots.running === 1)
    const second = ask(3)
    await vi.waitUntil(() => slots.waiting === 1)
    expect((await ask(3)).status).toBe(429)
    expect(slots.running).toBe(1)
    open()
    expect([(await first).status, (await second).status]).toEqual([200, 200])
    // One that is wider than all places runs alone.
    expect((await ask(40)).status).toBe(200)
    expect([slots.running, slots.waiting]).toEqual([0, 0])
    await own.close()
  })
})

it('gives JSON of a schema with a search', async () => {
  const own = await serve(await loadModels({ lm: `${root}data/models/chat-lm` }))
  const schema = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'], additionalProperties: false }
  const { choices } = await own.answer(COMPLETIONS, {
    ...{ prompt: 'Is it ok?', max_tokens: 40, rxargs: { search: { beam: { beams: 3 } } } },
    response_format: { type: 'json_schema', json_schema: { name: 'ok', schema } },
  })
  expect(JSON.parse(choices[0]!.text)).toEqual({ ok: expect.any(Boolean) })
  await own.close()
})

it.each(['temperature', 'top_p'])('refuses `%s` for a decoder that chooses by an operator of its own', async (field) => {
  const first = {
    about: 'chooses the first candidate',
    needs: ['scores'],
    adds: { index: 'number', tokenId: 'number' },
    make: () => (source: unknown) => source,
  }
  const own = await serve(models, { registry: extendedRegistry(builtIn, { operators: { first } }, 'mine.js') })
  const response = await own.post(COMPLETIONS, { ...body, [field]: 0.5, rxargs: { steps: [{ topK: { k: 2 } }, { first: {} }] } })
  expect([response.status, await response.json()]).toMatchObject([400, { error: { param: field } }])
  await own.drain(0)
})
