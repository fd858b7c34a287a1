import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { ModelLostError, OptionError } from '../../../../src/core/errors.js'
import { type RemoteLm, remoteLanguageModel } from '../../../../src/models/remote/remoteLanguageModel.js'
import { sequenceOf } from '../../../fakes.js'
import { type Behaviour, type JsonServer, jsonServer } from './jsonServer.js'
import { type CompletionBody, promptsOf } from './lmServer.js'

const tokenizer = fileURLToPath(new URL('../../../../data/golden/grouped/lm', import.meta.url))
const good: Behaviour = {
  body: '{"choices":[{"logprobs":{"top_logprobs":[{"token_id:7":-0.5,"token_id:3":-1.5}]}}]}',
}
let server: JsonServer<unknown> | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

/** A model behind a server that behaves so in turn, and well after that. */
async function behind(bad: readonly Behaviour[], more: Partial<RemoteLm> = {}) {
  server = await jsonServer((_, number) => bad[number] ?? good)
  const options = { url: server.url, model: 'tiny', tokenizer, ...more }
  return (await remoteLanguageModel(options, { environment: {}, sleep: async () => undefined })).source
}
const sequence = sequenceOf('', '', { promptTokenIds: [1, 2], tokenIds: [4] })

describe('remoteLanguageModel', () => {
  it.each<[string, Behaviour]>([
    ['a rate limit', { status: 429 }],
    ['a failure of the server', { status: 502 }],
    ['an answer that does not come', { slow: true }],
    ['a cut answer', { cut: true }],
  ])('retries after %s', async (_, bad) => {
    const model = await behind([bad, bad], 'slow' in bad ? { timeoutMs: 1000 } : {})
    const [logits] = await model.run([{ sequence, need: 2 }])
    expect(logits).toEqual({ tokenIds: Int32Array.of(7, 3), values: Float32Array.of(-0.5, -1.5), logSumExp: 0 })
    expect(server!.requests.map(({ path, body }) => [path, (body as { prompt: unknown }).prompt])).toEqual(
      Array.from({ length: 3 }, () => ['/completions', [1, 2, 4]]),
    )
  })

  it('keeps its connection from step to step', async () => {
    const model = await behind([])
    for (let step = 0; step < 5; step++) await model.run([{ sequence, need: 2 }])
    expect([server!.requests.length, server!.connections()]).toEqual([5, 1])
  })

  it('gives each sequence its own tokens in one request and in several', async () => {
    const nextOf = (ids: readonly number[]) => ids.reduce((sum, id) => (31 * sum + id + 1) % 250, 0)
    const choice = (ids: readonly number[], index: number) => ({
      ...{ index, logprobs: { top_logprobs: [{ [`token_id:${nextOf(ids)}`]: -1 }] } },
    })
    server = await jsonServer<unknown>(({ body }) => {
      return { body: JSON.stringify({ choices: promptsOf(body as CompletionBody).map(choice) }) }
    })
    const { source } = await remoteLanguageModel({ url: server.url, model: 'tiny', tokenizer }, { environment: {} })
    const decode = async (promptTokenIds: readonly number[]) => {
      const key = {}
      const tokenIds: number[] = []
      while (tokenIds.length < 40) {
        const sequence = sequenceOf('', '', { key, promptTokenIds, tokenIds: [...tokenIds] })
        const [logits] = await source.run([{ sequence, need: 1 }])
        expect([...logits!.tokenIds!]).toEqual([nextOf([...promptTokenIds, ...tokenIds])])
        tokenIds.push(logits!.tokenIds![0]!)
      }
      source.release(key)
    }
    await Promise.all(Array.from({ length: 8 }, (_, first) => decode([first, 7])))
    // The first four find out whether the server takes lists.
    const sizes = server.requests.slice(4).map(({ body }) => promptsOf(body as CompletionBody).length)
    expect([Math.max(...sizes), Math.min(...sizes)]).toEqual([8, 1])
  })

  it('sends the steps of more sequences than a request holds at the same time', async () => {
    const count = 96
    const choice = (_: unknown, index: number) => ({ index, logprobs: { top_logprobs: [{ 'token_id:5': -1 }] } })
    let waiting = Number.NEGATIVE_INFINITY
    let letGo = (): void => undefined
    const arrived = new Promise<void>((resolve) => {
      letGo = resolve
    })
    server = await jsonServer<unknown>(async ({ body }) => {
      const prompts = promptsOf(body as CompletionBody)
      waiting += prompts.length
      if (waiting === count) letGo()
      if (waiting > 0) await arrived
      return { body: JSON.stringify({ choices: prompts.map(choice) }) }
    })
    const { source } = await remoteLanguageModel({ url: server.url, model: 'tiny', tokenizer }, { environment: {} })
    const keys = Array.from({ length: count }, () => ({}))
    const step = (tokenIds: readonly number[]) =>
      source.run(
        keys.map((key) => ({ sequence: sequenceOf('', '', { key, promptTokenIds: [7], tokenIds: [...tokenIds] }), need: 1 })),
      )
    await step([])
    waiting = 0
    expect(await step([5])).toHaveLength(count)
  })

  it('sends the text where the text gives the same token ids, and fails where it does not', async () => {
    const model = await behind([], { prompt: 'text' })
    const text = 'A dog'
    const promptTokenIds = model.codec.encode(text, false)
    await model.run([{ sequence: sequenceOf('', '', { promptTokenIds, tokenIds: [] }), need: 2 }])
    expect(server!.requests.map(({ body }) => (body as { prompt: unknown }).prompt)).toEqual([text])
    const [cut] = model.codec.encode('é', false)
    const broken = sequenceOf('', '', { promptTokenIds, tokenIds: [cut!] })
    await expect(model.run([{ sequence: broken, need: 2 }])).rejects.toThrow(
      `expected the prompt's text to encode to the same token ids (\`--lm-prompt text\`), got`,
    )
    expect(server!.requests).toHaveLength(1)
  })

  it('refuses a server that counts other prompt tokens', async () => {
    const model = await behind([{ body: '{"usage":{"prompt_tokens":9}}' }], { prompt: 'text' })
    const promptTokenIds = model.codec.encode('A', false)
    await expect(model.run([{ sequence: sequenceOf('', '', { promptTokenIds, tokenIds: [] }), need: 2 }])).rejects.toThrow(
      'expected 1 tokens in the prompt, got 9. The server adds special tokens or uses another tokenizer',
    )
  })

  it('suggests the flag if a server refuses token ids', async () => {
    const model = await behind([{ status: 422, body: 'Input should be a valid string' }])
    await expect(model.run([{ sequence, need: 2 }])).rejects.toThrow(
      'Input should be a valid string. If the server takes only text prompts, use `--lm-prompt text`',
    )
  })

  it('reads end tokens and context length without weights', async () => {
    const model = await behind([], { maxTop: 5 })
    expect(model.capabilities).toEqual({ all: false, maxTop: 5, hiddenStates: false, unit: 'logprob' })
    expect(model.contextLength).toBeGreaterThan(0)
    expect(model.endTokenIds.length).toBeGreaterThan(0)
  })

  it('aborts the request of a released sequence', async () => {
    const model = await behind([{ slow: true }])
    const asked = model.run([{ sequence, need: 2 }]).catch((error: Error) => error.name)
    await expect.poll(() => server!.open()).toBe(1)
    model.release(sequence.key)
    expect(await asked).toBe('AbortError')
    await expect.poll(() => server!.open()).toBe(0)
  })

  it('refuses to return all logits, and ends the run if no request can succeed', async () => {
    const model = await behind([{ status: 404 }])
    await expect(model.run([{ sequence, need: 'all' }])).rejects.toThrow(OptionError)
    await expect(model.run([{ sequence, need: 2 }])).rejects.toThrow(ModelLostError)
  })

  it('refuses a folder without a context length', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rxargs-tokenizer-'))
    await writeFile(join(folder, 'config.json'), '{"vocab_size": 300}')
    await expect(behind([], { tokenizer: folder })).rejects.toThrow(
      `Expected \`max_position_embeddings\` in ${join(folder, 'config.json')}, found none`,
    )
    await rm(folder, { recursive: true })
  })

  it('fits the tokenizer to the vocabulary in config.json, as for a model of this machine', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rxargs-tokenizer-'))
    await cp(tokenizer, folder, { recursive: true })
    const change = async (name: string, fields: (json: Record<string, unknown>) => object) => {
      const json = JSON.parse(await readFile(join(folder, name), 'utf8')) as Record<string, unknown>
      await writeFile(join(folder, name), JSON.stringify({ ...json, ...fields(json) }))
    }
    const padding = { id: 280, content: '[PAD]', special: true, normalized: false }
    await change('tokenizer.json', ({ added_tokens: added }) => ({ added_tokens: [...(added as object[]), padding] }))
    const { codec } = await behind([], { tokenizer: folder })
    expect(codec.notices).toContainEqual(expect.stringContaining('has tokens that the model has no embedding for: "[PAD]" (280)'))
    expect(() => codec.encode('a[PAD]', false)).toThrow('(its vocabulary has 280), got "[PAD]" (280)')
    await change('config.json', () => ({ vocab_size: 100 }))
    await server?.close()
    await expect(behind([], { tokenizer: folder })).rejects.toThrow(/^Expected the tokenizer in .* to fit the vocabulary of 100/)
    await rm(folder, { recursive: true })
  })
})
