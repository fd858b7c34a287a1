import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { args } from '../../../pipelines/decoders/args.js'
import { batchTextReward } from '../../../pipelines/rewards/textReward.js'
import { tokenTexts } from '../../../pipelines/rewards/wholeTexts.js'
import { generate as generateRows } from '../../../pipelines/run/generate.js'
import type { BatchedRewardModel } from '../../../src/core/batched.js'
import { fromFile } from '../../../src/io/fromFile.js'
import { loadModels } from '../../../src/models/loadModels.js'
import { type LoadedReward, loadReward } from '../../../src/models/loadReward.js'
import { query } from '../io/duckdb.js'
import { type Behaviour, type JsonServer, jsonServer } from '../models/remote/jsonServer.js'
import { jsonl, lm, reward, rxargs } from './rxargs.js'

type Body = Readonly<{ inputs: readonly (readonly [string])[] }>
const KEY = 'sesame-1234'

/** What the server does instead of answering. */
let instead: (texts: readonly string[], number: number) => Behaviour | undefined
let loaded: LoadedReward
let score: (text: string) => Promise<number>
let server: JsonServer<Body>
let folder: string
beforeAll(async () => {
  loaded = await loadReward({ name: 'rm', path: reward }, { threads: 1, maxBatch: 64 })
  const model = tokenTexts(loaded.source as BatchedRewardModel)
  score = async (text) => {
    const call = model.read(text, '', true)
    const [value] = await model.run([call])
    model.release(call)
    return value!
  }
  server = await jsonServer<Body>(async ({ body }, number) => {
    const texts = body.inputs.map(([text]) => text)
    const bad = instead(texts, number)
    if (bad) return bad
    const scores = await Promise.all(texts.map(score))
    return { body: JSON.stringify(scores.map((value) => [{ label: 'LABEL_0', score: value }])) }
  })
})
afterAll(async () => {
  await server.close()
  await loaded.close()
})
beforeEach(async () => {
  instead = () => undefined
  server.requests.length = 0
  folder = await mkdtemp(join(tmpdir(), 'rxargs-remote-reward-'))
  vi.stubEnv('RXARGS_REWARD_API_KEY', KEY)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

const input = `${['Say', 'One two', 'Say it again'].map((prompt) => JSON.stringify({ prompt })).join('\n')}\n`
const address = (): string => `${server.url}/predict`
const remote = (): string[] => ['--reward', `safe=${address()}?token=hidden`]
const generate = (...args: string[]) => rxargs(['generate', '-', '--lm', lm, '--max-new-tokens', '6', '--k', '5', ...args], input)
const decoded = (stdout: string) => new Map(jsonl(stdout).map((row) => [row.id, row]))

describe('rxargs with a reward behind HTTP', () => {
  it('decodes the tokens of the same reward in this process', async () => {
    const there = await generate(...remote())
    expect(there.code).toBe(0)
    const rows = decoded(there.stdout)
    const safe = batchTextReward('safe', (texts) => Promise.all(texts.map(score)))
    const models = await loadModels({ lm, reward: safe })
    const prompts = fromFile('-', { stdin: Readable.from([Buffer.from(input)]) })
    try {
      for await (const row of generateRows(prompts, args({ k: 5 }), models, { maxNewTokens: 6 })) {
        const { token_ids: tokenIds, rewards, reward: value } = rows.get(row.id)!
        expect({ tokenIds, rewards, value }).toEqual({ tokenIds: row.tokenIds, rewards: row.rewards, value: row.reward })
      }
    } finally {
      await models.close()
    }
    expect(rows.size).toBe(3)
    expect(server.requests.every(({ authorization }) => authorization === `Bearer ${KEY}`)).toBe(true)
    expect(Math.max(...server.requests.map(({ body }) => body.inputs.length))).toBeGreaterThan(5)
  })

  it('decodes the same despite rate limits, failures, delays and cut answers', async () => {
    const good = await generate(...remote())
    const bad: Readonly<Record<number, Behaviour>> = {
      0: { status: 429 },
      2: { status: 500 },
      4: { slow: true },
      6: { cut: true },
    }
    server.requests.length = 0
    instead = (_, number) => bad[number]
    const again = await generate(...remote(), '--reward-timeout', '2000')
    const plain = ({ token_ids, rewards, reward: value }: Record<string, unknown>) => ({ token_ids, rewards, value })
    const rows = decoded(again.stdout)
    for (const [id, row] of decoded(good.stdout)) expect(plain(rows.get(id)!)).toEqual(plain(row))
  })

  it('makes error rows of refused prompts, and of no others', async () => {
    instead = (texts) => (texts.some((text) => text.startsWith('One')) ? { status: 413, body: 'too long' } : undefined)
    const { stdout } = await generate(...remote())
    expect(Object.fromEntries([...decoded(stdout)].map(([id, { error }]) => [id, error]))).toEqual({
      'stdin:1': null,
      'stdin:2': `Reward \`safe\` failed: ${address()}?… refused: 413 Payload Too Large: too long`,
      'stdin:3': null,
    })
  })

  it('ends the run on a wrong key', async () => {
    instead = () => ({ status: 401, body: `no ${KEY}` })
    const { code, stderr } = await generate(...remote(), '-o', join(folder, 'out'))
    expect(code).toBe(1)
    expect(stderr).toContain(`rxargs: Reward \`safe\`: ${address()}?… refused: 401 Unauthorized: no …\n`)
    expect(stderr).not.toContain(KEY)
  })

  it('records its address, never the key, and refuses rows of another server', async () => {
    const out = join(folder, 'out')
    instead = (texts) => (texts.some((text) => text.startsWith('One')) ? { status: 400, body: `${KEY}?` } : undefined)
    const { stderr } = await generate(...remote(), '-o', out)
    const [meta] = await query(
      `select decode(value) as run from parquet_kv_metadata('${out}/*.parquet') where key = 'rxargs.run'`,
    )
    expect(JSON.parse(meta!.run as string).models['reward safe']).toEqual({ path: `${address()}?…` })
    for (const file of await readdir(out)) {
      const bytes = (await readFile(join(out, file))).toString('latin1')
      expect(bytes).not.toMatch(/sesame|hidden/)
    }
    const other = await generate('--reward', `safe=${server.url}/v2/predict`, '-o', out)
    expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('`model reward safe`') })
    expect(stderr + other.stderr).not.toMatch(/sesame|hidden/)
  })

  it('appears in --dry-run without a request', async () => {
    const { code, stdout } = await generate(...remote(), '--dry-run')
    expect([code, server.requests]).toEqual([0, []])
    expect(stdout).toContain(`reward    ${address()}?…: a server\n`)
  })

  it('scores texts like the local model, with refused ones as error rows', async () => {
    const texts = ['One', 'Two', 'Three'].map((prompt) => JSON.stringify({ prompt, completion: ' more' })).join('\n')
    const here = jsonl((await rxargs(['score', '-', '--reward', `safe=${reward}`], texts)).stdout)
    const there = await rxargs(['score', '-', ...remote()], texts)
    const rows = decoded(there.stdout)
    expect(there.code).toBe(0)
    for (const row of here) expect(rows.get(row.id)!.reward).toBeCloseTo(row.reward as number, 5)
    expect(server.requests).toHaveLength(1)
    instead = (all) => (all.includes('Two more') ? { status: 422, body: 'no' } : undefined)
    const some = decoded((await rxargs(['score', '-', ...remote()], texts)).stdout)
    expect([...some].map(([id, { error }]) => [id, error !== null]).sort()).toEqual([
      ['stdin:1', false],
      ['stdin:2', true],
      ['stdin:3', false],
    ])
    const messages = await rxargs(['score', '-', ...remote()], '{"messages":[{"role":"user","content":"a"}],"completion":"b"}\n')
    expect(jsonl(messages.stdout)[0]!.error).toContain('Reward `safe` has no chat template')
  })

  it('is a metric of runs: a refused reply has no figure, and a wrong answer ends the run', async () => {
    const out = join(folder, 'out')
    await generate('--reward', `rm=${reward}`, '-o', out)
    const evaluated = async () => rxargs(['eval', out, '--reward-model', `safe=${address()}`, '--json'])
    const [here] = JSON.parse((await rxargs(['eval', out, '--reward-model', `safe=${reward}`, '--json'])).stdout).runs
    const [there] = JSON.parse((await evaluated()).stdout).runs
    expect(there['reward:safe']).toBeCloseTo(here['reward:safe'], 5)
    instead = (texts) => (texts.some((text) => text.startsWith('One')) ? { status: 413 } : undefined)
    expect((await evaluated()).stderr).toContain('only 2 of 3 rows have reward:safe')
    instead = () => ({ body: '[]' })
    expect(await evaluated()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/expected a number for each of 1 text, got 0\n$/),
    })
  })

  it.each([
    [`http://host/predict`, 'Expected a reward behind HTTP to have a name, NAME=http://host/predict, got none'],
    [`a=http://me:${KEY}@host/predict`, 'Expected an address without user and password, got one of them in http://host/predict'],
  ])('refuses %s', async (given, message) => {
    for (const args of [
      ['generate', '-', '--reward', given],
      ['score', '-', '--reward', given],
      ['eval', folder, '--reward-model', given],
    ]) {
      const { code, stderr } = await rxargs(args, input)
      expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
      expect(stderr).not.toContain(KEY)
    }
  })
})
