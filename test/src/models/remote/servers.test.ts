import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { remoteLanguageModel } from '../../../../src/models/remote/remoteLanguageModel.js'
import { remoteReward } from '../../../../src/models/remote/remoteReward.js'
import { sequenceOf } from '../../../fakes.js'
import { type Behaviour, type JsonServer, jsonServer } from './jsonServer.js'

// Answers in the form that the servers' sources and OpenAPI documents describe: vLLM 030ea52 (completion/serving.py, classify/protocol.py) and
// text-embeddings-inference 006e16b (docs/openapi.json). No server was run for them.

const tokenizer = fileURLToPath(new URL('../../../../data/golden/grouped/lm', import.meta.url))
const { signal } = new AbortController()
let server: JsonServer<Record<string, unknown>>
afterEach(() => server.close())
const answering = async (answer: (body: Record<string, unknown>) => Behaviour) => {
  server = await jsonServer<Record<string, unknown>>(({ body }) => answer(body))
}
const json = (body: unknown, status?: number): Behaviour =>
  status === undefined ? { body: JSON.stringify(body) } : { status, body: JSON.stringify(body) }

const vllmChoice = (index: number, id: number) => ({
  ...{ index, text: ' a', finish_reason: 'length', stop_reason: null, prompt_logprobs: null },
  logprobs: {
    ...{ text_offset: [0], token_logprobs: [-0.25], tokens: [`token_id:${id}`] },
    // vLLM may add the chosen token to the likeliest, so there can be one more than was asked for.
    top_logprobs: [{ [`token_id:${id}`]: -0.25, 'token_id:9': -1.5, 'token_id:8': -9999 }],
  },
})
const vllmCompletion = (choices: readonly unknown[]) => ({
  ...{ id: 'cmpl-1', object: 'text_completion', created: 1, model: 'm', service_tier: null, system_fingerprint: null, choices },
  usage: { prompt_tokens: 6, total_tokens: 8, completion_tokens: 2, prompt_tokens_details: null },
})
const steps = (...last: number[]) =>
  last.map((id) => ({ sequence: sequenceOf('', '', { key: {}, promptTokenIds: [1, 2], tokenIds: [id] }), need: 2 }))

describe("answers of vLLM's completions", () => {
  const model = async () => (await remoteLanguageModel({ url: server.url, model: 'm', tokenizer }, { environment: {} })).source

  it('holds one choice a prompt', async () => {
    await answering(({ prompt }) =>
      json(vllmCompletion((prompt as number[][]).map((ids, index) => vllmChoice(index, ids.at(-1)!)))),
    )
    const logits = await (await model()).run(steps(4, 5))
    expect(logits.map(({ tokenIds }) => [...tokenIds!])).toEqual([
      [4, 9],
      [5, 9],
    ])
  })

  it('refuses all prompts for one that is too long', async () => {
    const message = "This model's maximum context length is 2 tokens."
    await answering(({ prompt }) => {
      const prompts = (typeof (prompt as unknown[])[0] === 'number' ? [prompt] : prompt) as number[][]
      if (prompts.some((ids) => ids.includes(5)))
        return json({ error: { message, type: 'BadRequestError', param: 'input_tokens', code: 400 } }, 400)
      return json(vllmCompletion(prompts.map((ids, index) => vllmChoice(index, ids.at(-1)!))))
    })
    const lm = await model()
    // The scheduler makes a call of each step, so that one may fail.
    const results = await Promise.allSettled(steps(4, 5).map((step) => lm.run([step])))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(results[1]).toMatchObject({ reason: { message: expect.stringContaining(message) } })
  })
})

describe("answers of rewards' servers", () => {
  it("reads a list of texts from vLLM's /classify", async () => {
    const probs = (text: string) => [text.length, -text.length]
    await answering(({ input }) =>
      json({
        ...{ id: 'classify-1', object: 'list', created: 1, model: 'm' },
        data: (input as string[]).map((text, index) => ({ index, label: 'LABEL_0', probs: probs(text), num_classes: 2 })),
        usage: { prompt_tokens: 3, total_tokens: 3, completion_tokens: 0, prompt_tokens_details: null },
      }),
    )
    const reward = remoteReward({ name: 'r', url: `${server.url}/classify`, label: '1' }, { environment: {} })
    expect(await Promise.all([['a', 'bcd'], ['ef']].map((texts) => reward.scoreTexts(texts, signal, [])))).toEqual([
      [-1, -3],
      [-2],
    ])
    expect(server.requests).toHaveLength(1)
  })

  it('sends TEI fewer texts after it refused a batch', async () => {
    await answering(({ inputs }) => {
      const texts = (inputs as string[][]).map(([text]) => text!)
      if (texts.length > 4) return json({ error: 'batch size 8 > maximum allowed batch size 4', error_type: 'Validation' }, 413)
      return json(texts.map((text) => [{ score: text.length, label: 'LABEL_0' }]))
    })
    const reward = remoteReward({ name: 'r', url: `${server.url}/predict` }, { environment: {} })
    const texts = Array.from({ length: 8 }, (_, index) => 'x'.repeat(index))
    const score = async () => reward.scoreTexts(texts, signal, [])
    expect(await score()).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    server.requests.length = 0
    expect(await score()).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(server.requests.map(({ body }) => (body.inputs as unknown[]).length)).toEqual([4, 4])
  })
})
