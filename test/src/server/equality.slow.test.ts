import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { args } from '../../../pipelines/decoders/args.js'
import { generate } from '../../../pipelines/run/generate.js'
import type { Prompt } from '../../../src/core/prompt.js'
import type { Models, Row } from '../../../src/core/run.js'
import { loadModels } from '../../../src/models/loadModels.js'
import { rowsOf } from '../../fakes.js'
import { root } from '../cli/rxargs.js'
import { type Answer, type Served, serve } from './served.js'

const texts = ['How do I make bread?', 'My soup is too salty.', 'Why is the sky blue?', 'Tell me a story about a cat'].map(
  (text) => `\n\nHuman: ${text}\n\nAssistant:`,
)

/** Settings of a row, and the same as fields of a request. */
const settings: readonly [name: string, overrides: NonNullable<Prompt['overrides']>, request: object][] = [
  ['args', {}, {}],
  ['another weight and k', { weight: 3, k: 4 }, { rxargs: { weight: 3, k: 4 } }],
  ['greedy', { pipeline: 'greedy' }, { rxargs: { decoder: 'greedy' } }],
  ['sampling', { pipeline: 'top-k', seed: 7 }, { seed: 7, rxargs: { decoder: 'top-k' } }],
  [
    'args-stochastic',
    { pipeline: 'args-stochastic', temperature: 2, seed: 5 },
    { temperature: 2, seed: 5, rxargs: { decoder: 'args-stochastic' } },
  ],
  ['a search', { pipeline: 'best-of-n', seed: 3 }, { seed: 3, rxargs: { decoder: 'best-of-n' } }],
  [
    'penalties and a bias',
    {
      pipeline: {
        steps: [
          { logitBias: { bias: { 200: -5 } } },
          { frequencyPenalty: { penalty: 0.5 } },
          { presencePenalty: { penalty: 1 } },
          ...[{ topK: { k: 10 } }, { batchReward: {} }, { combineScore: { weight: 1.5 } }, { selectGreedy: {} }],
        ],
      },
    },
    { logit_bias: { 200: -5 }, frequency_penalty: 0.5, presence_penalty: 1, rxargs: { k: 10, weight: 1.5 } },
  ],
]

let models: Models
let served: Served
let rows: Map<string, Row>
beforeAll(async () => {
  models = await loadModels({ lm: `${root}data/models/chat-lm`, reward: `${root}data/models/chat-rm` })
  served = await serve(models, { decoder: args({ k: 10 }), limits: { maxRunning: 16 } })
  const prompts = texts.flatMap((text, at) =>
    settings.map(
      ([name, overrides]): Prompt => ({ id: `${name} ${at}`, content: { text }, overrides: { maxNewTokens: 12, ...overrides } }),
    ),
  )
  async function* source() {
    yield* prompts
  }
  rows = new Map((await rowsOf(generate(source(), args({ k: 10 }), models, { trace: true }))).map((row) => [row.id, row]))
}, 300_000)
afterAll(() => served.close())

const request = (name: string, at: number, fields: object) => ({
  ...{ prompt: texts[at], max_tokens: 12, seed: 0, ...fields },
  rxargs: { ...(fields as { rxargs?: object }).rxargs, id: `${name} ${at}`, detail: 'candidates' },
})

function expectRow(answer: Answer, row: Row): void {
  const { text, finish_reason, rxargs } = answer.choices[0]!
  const tokens = rxargs.tokens!
  expect(row.error).toBeNull()
  expect({ text, finish_reason, reward: rxargs.rewards?.['chat-rm'] }).toEqual({
    ...{ text: row.completion, finish_reason: row.finishReason, reward: row.reward },
  })
  expect(tokens.map(({ id }) => id)).toEqual(row.tokenIds)
  expect(tokens.map(({ score }) => score)).toEqual(row.scores)
  expect(tokens.map(({ logit }) => logit)).toEqual(row.logits)
  expect(tokens.map(({ candidates }) => candidates!.map(({ score }) => score))).toEqual(
    row.trace!.map(({ scores }) => [...scores]),
  )
}

describe.each([1, 4, 28])('with %d requests at a time', { timeout: 300_000 }, (concurrency) => {
  it('answers with the bits of generate', async () => {
    const jobs = texts.flatMap((_, at) => settings.map(([name, , fields]) => ({ name, at, fields })))
    const next = jobs.values()
    const worker = async () => {
      for (const { name, at, fields } of next)
        expectRow(await served.answer('/v1/completions', request(name, at, fields)), rows.get(`${name} ${at}`)!)
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
  })
})

describe('requests of another form', () => {
  const tokensOf = ({ choices }: Answer) => choices.map(({ rxargs }) => rxargs.tokens!.map(({ id }) => id))

  it('get the same for token ids as for the text', async () => {
    const ids = models.lm.codec.encode(texts[0]!, true)
    const fields = { max_tokens: 8, rxargs: { detail: 'tokens' } }
    const [one, other] = await Promise.all([
      served.answer('/v1/completions', { prompt: texts[0], ...fields }),
      served.answer('/v1/completions', { prompt: ids, ...fields }),
    ])
    expect(tokensOf(other)).toEqual(tokensOf(one))
    expect(other.usage).toEqual(one.usage)
    expect(one.usage.prompt_tokens).toBe(ids.length)
  })

  it('get for a batch what each prompt gets alone, n replies each', async () => {
    const fields = { max_tokens: 6, n: 2, seed: 4, rxargs: { decoder: 'top-k', detail: 'tokens' } }
    const batch = await served.answer('/v1/completions', { prompt: texts.slice(0, 2), ...fields })
    const alone = await Promise.all(texts.slice(0, 2).map((prompt) => served.answer('/v1/completions', { prompt, ...fields })))
    expect(batch.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3])
    expect(tokensOf(batch)).toEqual(alone.flatMap(tokensOf))
    expect(tokensOf(batch)[0]).not.toEqual(tokensOf(batch)[1])
  })

  it('continue after given tokens with those that followed them', async () => {
    const row = rows.get('args 0')!
    const answer = await served.answer('/v1/completions', {
      ...{ prompt: texts[0], max_tokens: 12 - 5, seed: 0 },
      rxargs: { reply_token_ids: row.tokenIds!.slice(0, 5), detail: 'tokens' },
    })
    expect(tokensOf(answer)[0]).toEqual(row.tokenIds!.slice(5))
    expect(row.completion!.endsWith(answer.choices[0]!.text)).toBe(true)
  })

  it('end at a stop string, which the text does not show', async () => {
    const { completion } = rows.get('args 0')!
    const stop = completion!.trim().split(' ')[2]!
    const { choices } = await served.answer('/v1/completions', { prompt: texts[0], max_tokens: 12, stop })
    expect(choices[0]).toMatchObject({ text: completion!.slice(0, completion!.indexOf(stop)), finish_reason: 'stop' })
  })

  it('give JSON of a schema', async () => {
    const schema = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'], additionalProperties: false }
    const { choices } = await served.answer('/v1/chat/completions', {
      messages: [{ role: 'user', content: 'Is it ok?' }],
      ...{ max_tokens: 40, response_format: { type: 'json_schema', json_schema: { name: 'ok', schema } } },
    })
    expect(JSON.parse(choices[0]!.message.content)).toEqual({ ok: expect.any(Boolean) })
  })
})
