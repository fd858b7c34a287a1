import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadCodec } from '../../../src/models/checkpoint/tokenizer/loadCodec.js'
import { loadModels } from '../../../src/models/loadModels.js'
import { root } from '../cli/rxargs.js'
import { type Served, serve } from './served.js'

const lm = `${root}data/models/chat-lm`
const schema = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'], additionalProperties: false }
const body = (json: object) => ({
  messages: [{ role: 'user', content: 'Is it ok?' }],
  ...{ max_tokens: 40, response_format: { type: 'json_schema', json_schema: { name: 'ok', schema: json } } },
})
const CHAT = '/v1/chat/completions'

describe('a grammar of a request', () => {
  let served: Served
  beforeAll(async () => {
    served = await serve(await loadModels({ lm }), { limits: { maxGrammars: 1 } })
  })
  afterAll(() => served.close())

  it('makes JSON of its schema, in a thread that ends with the request', async () => {
    const { choices } = await served.answer(CHAT, body(schema))
    expect(JSON.parse(choices[0]!.message.content)).toEqual({ ok: expect.any(Boolean) })
    expect(served.service.grammars.running).toBe(0)
    const chunks = await served.chunks(CHAT, body(schema))
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')
    expect(JSON.parse(text)).toEqual({ ok: expect.any(Boolean) })
    expect(served.service.grammars.running).toBe(0)
  })

  it.each([
    ['a type that there is not', { type: 'thing' }],
    ['what no JSON fulfils', { type: 'integer', minimum: 2, maximum: 1 }],
    ['a keyword that is not enforced', { type: 'number', multipleOf: 3 }],
  ])('is refused before a stream begins, with %s', async (_, json) => {
    const response = await served.post(CHAT, { ...body(json), stream: true })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_value', param: 'response_format' } })
  })

  it('waits for no other one beyond the limit', async () => {
    const answers = await Promise.all([served.post(CHAT, body(schema)), served.post(CHAT, body(schema))])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 429])
    expect(served.service.grammars.running).toBe(0)
  })
})

describe('the thread of a grammar', () => {
  const start = { key: {}, promptId: '', sample: 0, seed: 0, prompt: { text: '' }, promptTokenIds: [], tokenIds: [] }

  it('allows what the grammar allows in this thread, and ends with its signal', async () => {
    const codec = await loadCodec(lm)
    const ended = new AbortController()
    const there = codec.grammarThread!({ jsonSchema: schema }, [1], { timeoutMs: 60_000, signal: ended.signal })
    const here = codec.grammar!({ jsonSchema: schema }, [1])
    expect([...(await there(start))]).toEqual([...(await here(start))])
    const tokenIds = codec.encode('{"ok": ', false)
    expect([...(await there({ ...start, tokenIds }))]).toEqual([...(await here({ ...start, tokenIds }))])
    await expect(there({ ...start, tokenIds: codec.encode('no', false) })).rejects.toThrow(/^Expected tokens of the grammar/)
    ended.abort()
    await expect(there(start)).rejects.toThrow('The thread of the grammar was ended')
  })

  it('is ended when it takes too long', async () => {
    const codec = await loadCodec(lm)
    const { signal } = new AbortController()
    const slow = codec.grammarThread!({ jsonSchema: { type: 'string', maxLength: 50_000 } }, [1], { timeoutMs: 1, signal })
    await expect(slow(start)).rejects.toThrow(/^Expected a grammar that takes at most 1 ms a step/)
    await expect(slow(start)).rejects.toThrow(/^Expected a grammar/)
  })
})
