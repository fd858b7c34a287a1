import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root, rxargs } from '../../test/src/cli/rxargs.js'
import { query } from '../../test/src/io/duckdb.js'
import { type JsonServer, jsonServer } from '../../test/src/models/remote/jsonServer.js'
import { type LmServer, lmServer } from '../../test/src/models/remote/lmServer.js'

const page = await readFile(join(root, 'data/examples/README.md'), 'utf8')
const sections = new Map(page.split(/^## /m).map((section) => [section.split('\n')[0]!, section] as const))
const block = (section: string, language: string): string =>
  section.match(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'm'))![1]!
const commands = (section: string): string[][] =>
  block(section, 'sh')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.match(/'[^']*'|\S+/g)!.map((word) => word.replaceAll("'", '')))

let folder: string
let lm: LmServer
let reward: JsonServer<{ input: string[] }>
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-examples-'))
  lm = await lmServer(join(root, 'data/models/chat-lm'))
  reward = await jsonServer(({ body }) => ({
    body: JSON.stringify({ data: body.input.map((text) => ({ probs: [(text.match(/e/g) ?? []).length] })) }),
  }))
})
afterAll(async () => {
  await lm.close()
  await reward.close()
  await rm(folder, { recursive: true, force: true })
})

/** A command of the page with other folders, addresses and limits. */
async function run(words: readonly string[], ...more: readonly string[]) {
  expect(words.slice(0, 2)).toEqual(['npx', 'rxargs'])
  const here = (word: string): string =>
    word
      .replace(/^(\w+=)?data\//, (_, name: string = '') => `${name}${root}data/`)
      .replace(/^out\//, `${folder}/`)
      .replace('http://127.0.0.1:8000/v1', lm.url)
      .replace('http://127.0.0.1:8001', reward.url)
  const done = await rxargs([...words.slice(2).map(here), ...more])
  expect(done).toMatchObject({ code: 0 })
  return done
}

type Decoded = Readonly<{ id: string; completion: string; error: string | null; finish_reason: string; reward: number }>
/** The rows that the last command of a section writes, at the given limits. */
async function rowsOf(title: string, ...more: readonly string[]): Promise<readonly Decoded[]> {
  const words = commands(sections.get(title)!).at(-1)!
  await run(words, ...more)
  const rows = (await query(`select * from '${folder}/${words.at(-1)!.slice(4)}/*.parquet' order by id`)) as unknown as Decoded[]
  for (const { error } of rows) expect(error).toBeNull()
  return rows
}

const lettersAWord = (text: string): number => {
  const words = text.match(/\p{L}+/gu) ?? []
  return words.join('').length / words.length
}

describe('the page of examples', () => {
  it('shows files as they are', async () => {
    const files = [
      ['A reward in ten lines', 'js', 'short-words.js'],
      ['Two rewards, each user with a preference', 'jsonl', 'users.jsonl'],
    ] as const
    for (const [title, language, file] of files)
      expect(block(sections.get(title)!, language)).toBe(await readFile(join(root, 'data/examples', file), 'utf8'))
    expect(sections.size).toBe(7)
  })

  it('has a reward of ten lines that makes words shorter', async () => {
    const title = 'A reward in ten lines'
    const limits = ['--limit', '4', '--max-new-tokens', '32']
    expect(block(sections.get(title)!, 'js').trim().split('\n').length).toBeLessThanOrEqual(10)
    const plain = await rowsOf(title, ...limits)
    const without = await rowsOf(title, ...limits, '--weight', '0', '--force')
    const mean = (rows: readonly Decoded[]) => lettersAWord(rows.map(({ completion }) => completion).join(' '))
    expect(plain).toHaveLength(4)
    expect(mean(plain)).toBeLessThan(mean(without))
  })

  it('has two rewards that count for each user as the row says', async () => {
    const [ana, ben] = (await rowsOf('Two rewards, each user with a preference', '--max-new-tokens', '64')) as unknown as {
      reward_varied: number
    }[]
    expect(ben!.reward_varied).toBeGreaterThan(ana!.reward_varied)
  })

  it('has a pipeline whose replies are JSON of its schema, without the banned words', async () => {
    const rows = await rowsOf('JSON by a schema, without banned words', '--limit', '3', '--max-new-tokens', '96')
    expect(rows).toHaveLength(3)
    for (const { completion, finish_reason } of rows) {
      expect(finish_reason).toBe('stop')
      expect(JSON.parse(completion)).toEqual({
        polite: expect.any(Boolean),
        tone: expect.stringMatching(/^(warm|plain|cold)$/),
        answer: expect.stringMatching(/^(?!.*(hate|stupid))[\s\S]{0,40}$/),
      })
    }
  })

  it('has RAD as a file, explained and run', async () => {
    const title = 'Reward-augmented decoding as a file'
    const { stdout } = await run(commands(sections.get(title)!)[0]!)
    for (const step of ['topK', 'batchReward', 'boundReward', 'combineScore', 'sampleTemperature']) expect(stdout).toContain(step)
    expect(await rowsOf(title, '--limit', '2', '--max-new-tokens', '12')).toHaveLength(2)
  })

  it('has a search with rollouts, which finds other replies than ARGS does', async () => {
    const limits = ['--limit', '2', '--max-new-tokens', '10']
    const found = await rowsOf('A search with rollouts', ...limits)
    const args = ['generate', `${root}data/prompts/sample.jsonl`, '--k', '4', ...limits, '-o', join(folder, 'args')]
    expect((await rxargs(args)).code).toBe(0)
    const rows = (await query(`select * from '${folder}/args/*.parquet' order by id`)) as unknown as Decoded[]
    expect(found.map(({ id }) => id)).toEqual(rows.map(({ id }) => id))
    expect(found.map(({ completion }) => completion)).not.toEqual(rows.map(({ completion }) => completion))
  })

  it('has models behind HTTP, both of which are asked', async () => {
    const rows = await rowsOf('A cluster behind HTTP', '--limit', '2', '--max-new-tokens', '6')
    expect(rows).toHaveLength(2)
    expect(lm.requests.length).toBeGreaterThanOrEqual(6)
    expect(reward.requests.length).toBeGreaterThanOrEqual(6)
    for (const { completion, reward: value } of rows) expect(value).toBeGreaterThanOrEqual((completion.match(/e/g) ?? []).length)
  })
})
