import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { query } from '../io/duckdb.js'
import type { Behaviour } from '../models/remote/jsonServer.js'
import { type CompletionBody, type Form, type LmServer, lmServer, promptsOf } from '../models/remote/lmServer.js'
import { jsonl, lm, reward, rxargs } from './rxargs.js'

const KEY = 'sesame-5678'
let server: LmServer
let folder: string
beforeAll(async () => {
  server = await lmServer(lm)
})
afterAll(() => server.close())
beforeEach(async () => {
  Object.assign(server.settings, { form: 'token_id', instead: () => undefined })
  server.requests.length = 0
  folder = await mkdtemp(join(tmpdir(), 'rxargs-remote-lm-'))
  vi.stubEnv('RXARGS_LM_API_KEY', KEY)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

const input = `${['Say', 'One two', 'Say it again'].map((prompt) => JSON.stringify({ prompt })).join('\n')}\n`
const remote = (): string[] => ['--lm', `${server.url}?token=hidden`, '--lm-model', 'tiny', '--lm-tokenizer', lm]
const generate = (...args: string[]) =>
  rxargs(['generate', '-', '--reward', `rm=${reward}`, '--max-new-tokens', '8', ...args], input)
type Decoded = Readonly<Record<'logits' | 'rewards', number[] | null>> & Readonly<{ token_ids: number[]; reward: number }>
const decoded = (stdout: string) => new Map((jsonl(stdout) as (Decoded & { id: string })[]).map((row) => [row.id, row]))

const optionsOf: Readonly<Record<string, string[]>> = { 'top-k': ['--k', '20'], rollout: ['--k', '3'] }

/** Tokens are equal, and numbers from log-probabilities are equal up to rounding. */
function expectSame(here: string, there: string): void {
  const rows = decoded(there)
  expect(rows.size).toBe(3)
  for (const [id, row] of decoded(here)) {
    expect(rows.get(id)!.token_ids).toEqual(row.token_ids)
    expect(rows.get(id)!.reward).toBeCloseTo(row.reward, 4)
  }
}

describe('rxargs with a language model behind HTTP', () => {
  it.each<[string, Form]>([
    ['greedy', 'token_id'],
    ['args', 'token_id'],
    ['args', 'list'],
    ['top-k', 'token_id'],
    // Its sequences wait for each other.
    ['rollout', 'token_id'],
  ])('%s decodes the tokens of the model in this process, ids written as %s', async (decoder, form) => {
    server.settings.form = form
    const options = ['--decoder', decoder, ...(optionsOf[decoder] ?? [])]
    const [here, there] = [await generate('--lm', lm, ...options), await generate(...remote(), ...options)]
    expect([here.code, there.code]).toEqual([0, 0])
    expectSame(here.stdout, there.stdout)
    const { path, authorization, body } = server.requests[0]!
    expect({ path, authorization }).toEqual({ path: '/v1/completions?token=hidden', authorization: `Bearer ${KEY}` })
    expect(body).toEqual({
      model: 'tiny',
      prompt: expect.arrayContaining([expect.arrayContaining([expect.any(Number)])]),
      ...{ max_tokens: 1, temperature: 0, return_tokens_as_token_ids: true },
      logprobs: { greedy: 1, args: 10, 'top-k': 20, rollout: 3 }[decoder],
    })
  })

  it('decodes the same despite rate limits, failures and cut answers', async () => {
    const bad: Readonly<Record<number, Behaviour>> = {
      0: { status: 429 },
      3: { status: 500 },
      7: { cut: true },
      9: { body: '{' },
    }
    server.settings.instead = (_, number) => bad[number]
    const [here, there] = [await generate('--lm', lm), await generate(...remote())]
    expectSame(here.stdout, there.stdout)
  })

  it('makes an error row of the prompt that it refuses, and of no other', async () => {
    // The longest prompt is refused from its third token on.
    const lengths = (bodies: readonly CompletionBody[]) => bodies.flatMap(promptsOf).map(({ length }) => length)
    const longest = () => Math.max(...lengths(server.requests.slice(0, 3).map(({ body }) => body)))
    server.settings.instead = (body, number) =>
      number > 4 && lengths([body]).includes(longest()) ? { status: 400, body: 'no' } : undefined
    const { stdout } = await generate(...remote())
    const errors = jsonl(stdout).filter(({ error }) => error !== null)
    expect(errors.map(({ error }) => error)).toEqual([`${server.url}/completions?… refused: 400 Bad Request: no`])
  })

  it('sends the steps of several prompts in one request', async () => {
    const prompts = Array.from({ length: 16 }, (_, number) => JSON.stringify({ prompt: `Say ${number}` })).join('\n')
    const { stdout } = await rxargs(['generate', '-', ...remote(), '--decoder', 'greedy', '--max-new-tokens', '8'], prompts)
    const tokens = [...decoded(stdout).values()].reduce((sum, { token_ids: ids }) => sum + ids.length, 0)
    const sizes = server.requests.map(({ body }) => promptsOf(body).length)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(tokens)
    expect(sizes.length).toBeLessThan(tokens / 2)
  })

  it.each<[string, Behaviour]>([
    ['fails', { status: 500, body: 'AssertionError' }],
    ['refuses', { status: 400, body: 'prompt must be a string or a list of ids' }],
    ['answers the first prompt only', { body: '{"choices":[{"index":0,"logprobs":null}]}' }],
  ])('asks one prompt at a time of a server that %s where it gets several', async (_, answer) => {
    server.settings.instead = (body) => (promptsOf(body).length > 1 ? answer : undefined)
    const [here, there] = [await generate('--lm', lm), await generate(...remote())]
    expectSame(here.stdout, there.stdout)
    // Lists are tried until the first is answered, with the prompts' first steps.
    expect(server.requests.filter(({ body }) => promptsOf(body).length > 1).length).toBeLessThanOrEqual(2)
  })

  it('writes its address and model, never the key, and does not mix in rows of another model', async () => {
    const out = join(folder, 'out')
    const { stderr } = await generate(...remote(), '-o', out)
    const [meta] = await query(
      `select decode(value) as run from parquet_kv_metadata('${out}/*.parquet') where key = 'rxargs.run'`,
    )
    expect(JSON.parse(meta!.run as string).models.lm).toEqual({ path: `${server.url}?…`, model: 'tiny' })
    for (const file of await readdir(out))
      expect((await readFile(join(out, file))).toString('latin1')).not.toMatch(/sesame|hidden/)
    const other = await generate(...remote(), '--lm-model', 'other', '-o', out)
    expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('`model of lm` "tiny", but this run has "other"') })
    expect(stderr + other.stderr).not.toMatch(/sesame|hidden/)
  })

  it('ends the run on a wrong key', async () => {
    server.settings.instead = () => ({ status: 403, body: KEY })
    const { code, stderr } = await generate(...remote(), '-o', join(folder, 'out'))
    expect(code).toBe(1)
    expect(stderr).toContain(`rxargs: Language model: ${server.url}/completions?… refused: 403 Forbidden: …\n`)
  })

  it.each([
    [
      ['--decoder', 'nucleus'],
      'The decoder `temperature → topP → sampleTemperature` needs the logits of all tokens, but the language model returns only the top 20',
    ],
    [['--decoder', 'beam'], 'The decoder `beam` needs the logits of all tokens, but the language model returns only the top 20'],
    [
      ['--decoder', 'top-k'],
      'The decoder `topK → sampleTemperature` needs the logits of the top 40 tokens, but the language model returns at most 20',
    ],
    [
      ['--k', '9', '--lm-top', '8'],
      'The decoder `topK → batchReward → combineScore → selectGreedy` needs the logits of the top 9 tokens, but the language model returns at most 8',
    ],
  ])('refuses %j before any request', async (args, message) => {
    const { code, stderr } = await generate(...remote(), ...args)
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
    expect(server.requests).toEqual([])
  })

  it('appears in --dry-run without a request', async () => {
    const { code, stdout } = await rxargs(['generate', '-', ...remote(), '--reward', 'json()', '--dry-run'], input)
    expect([code, server.requests]).toEqual([0, []])
    expect(stdout).toContain(`lm        tiny at ${server.url}?…: a server, its tokenizer in ${lm}\n`)
    expect(stdout).toContain('memory    no local models\n')
  })

  it('ends a measurement of speed with an error that names the server', async () => {
    server.settings.instead = () => ({ status: 400, body: 'no such model' })
    const prompts = join(folder, 'prompts.jsonl')
    await writeFile(prompts, input)
    const { code, stderr } = await rxargs(['bench', ...remote(), '--reward', 'r=http://127.0.0.1:9/', '--prompts', prompts])
    expect([code, stderr]).toEqual([
      1,
      `rxargs: Expected a reply to each prompt, got an error for \`prompts.jsonl:1\`: ${server.url}/completions?… refused: 400 Bad Request: no such model\n`,
    ])
  })

  it.each([
    [['--lm', 'http://host/v1'], 'Expected `--lm-model`, the name of the model at http://host/v1, got nothing'],
    [['--lm', 'http://host/v1', '--lm-model', 'm'], 'Expected `--lm-tokenizer`, the folder of the tokenizer of m, got nothing'],
    [['--lm', `http://me:${KEY}@host/v1`], 'Expected an address without user and password, got one of them in http://host/v1'],
    [['--lm', lm, '--lm-top', '3'], 'Expected `--lm` to be a server (http://…) beside `--lm-top`, got '],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await generate(...args)
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
    expect(stderr).not.toContain(KEY)
  })

  it('cannot measure perplexity', async () => {
    const out = join(folder, 'out')
    await generate('--lm', lm, '-o', out)
    const { code, stderr } = await rxargs(['eval', out, '--lm', server.url])
    expect([code, stderr]).toEqual([2, expect.stringContaining('perplexity needs the logits of all tokens')])
  })
})
