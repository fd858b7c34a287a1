import { cp, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noRedis, type RedisServer, redisServer } from '../../queue/redisServer.js'
import { type Finished, finished, lines, lm, reward, root, rowsOf, rxargs, started } from '../rxargs.js'

const ROWS = 6
/** Each test starts several programs, one after another. */
const TIMEOUT_MS = 600_000
const flags = ['--max-new-tokens', '8', '--concurrency', '4']
const adapters = `${root}data/golden/gguf/adapters`

let server: RedisServer
let databases = 1
let folder: string
let input: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-own-models-'))
  input = join(folder, 'in.jsonl')
  await writeFile(input, lines(...Array.from({ length: ROWS }, (_, index) => ({ id: `row-${index}`, prompt: `About ${index}` }))))
  if (noRedis === undefined) server = await redisServer()
})
afterAll(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

/** How many failed attempts the queue counts for each job. */
async function failures(queue: string): Promise<number[]> {
  const redis = new Redis(queue)
  const jobs = await redis.keys('rxargs:jobs:*-[0-9]*')
  const made = await Promise.all(jobs.map((job) => redis.hget(job, 'atm')))
  redis.disconnect()
  return made.map(Number)
}

const work = (queue: string, ...more: string[]): Promise<Finished> =>
  finished(started(['worker', '--queue', queue, '--exit-when-idle', ...more]))

/** Submits the input with models in one folder, which then lie in another one. */
async function submitAndMove(models: (at: string) => string[], copy: (at: string) => Promise<void>) {
  const name = `run-${databases}`
  const [there, here, out, single] = ['there', 'here', 'out', 'single'].map((each) => join(folder, `${name}-${each}`))
  const queue = `${server.url}/${databases++}`
  await copy(there!)
  expect(await rxargs(['generate', input, ...models(there!), ...flags, '-o', single!])).toMatchObject({ code: 0 })
  const submitted = await rxargs(['submit', input, ...models(there!), ...flags, '-o', out!, '--job-rows', '3', '--queue', queue])
  expect(submitted).toMatchObject({ code: 0, stderr: expect.stringContaining(`${ROWS} rows in 2 jobs added`) })
  await rename(there!, here!)
  return { there: there!, here: here!, out: out!, single: single!, queue }
}

async function expectRows(out: string, single: string): Promise<void> {
  expect(await rxargs(['verify', out, '--input', input])).toMatchObject({ code: 0 })
  expect(await rowsOf(out)).toEqual(await rowsOf(single))
}

describe.skipIf(noRedis !== undefined)(
  `a worker with models of its own${noRedis ? ` (skipped: ${noRedis})` : ''}`,
  { timeout: TIMEOUT_MS },
  () => {
    it('makes the rows of a single process from models that lie elsewhere, and refuses other models of the same name', async () => {
      const { there, here, out, single, queue } = await submitAndMove(
        (at) => ['--lm', `${at}/lm`, '--reward', `chat=${at}/rm`],
        async (at) => {
          await cp(lm, `${at}/lm`, { recursive: true })
          await cp(reward, `${at}/rm`, { recursive: true })
        },
      )
      const other = join(folder, 'other')
      await cp(`${root}data/golden/biased/lm`, `${other}/lm`, { recursive: true })
      await cp(`${root}data/golden/biased/reward`, `${other}/rm`, { recursive: true })
      const own = ['--lm', `${here}/lm`, '--reward', `chat=${here}/rm`]
      const refusals = [
        [[], `Expected a model folder at ${there}/`],
        [['--lm', `${other}/lm`, ...own.slice(2)], `its \`lm\`, ${other}/lm, is another model than that of the run, ${there}/lm`],
        [[...own.slice(0, 2), '--reward', `chat=${other}/rm`], `its \`reward chat\`, ${other}/rm, is another model than that`],
        [[...own, '--reward', `judge=${here}/rm`], '`--reward judge` of this worker is no model of the run'],
      ] as const
      for (const [mine, message] of refusals) {
        const { code, stderr } = await work(queue, ...mine)
        const said = stderr.split('\n').filter((line) => line.startsWith('rxargs: '))
        expect({ code, said }).toEqual({ code: 1, said: [expect.stringContaining(message)] })
      }
      expect(await failures(queue)).toEqual([0, 0])
      expect(await work(queue, ...own)).toMatchObject({ code: 0, stderr: expect.stringContaining('has done 2 jobs') })
      await expectRows(out, single)
    })

    it('finds an adapter and its base elsewhere', async () => {
      const { here, out, single, queue } = await submitAndMove(
        (at) => ['--lm', `${at}/base.gguf`, '--lm-adapter', `${at}/lm`, '--reward', `${at}/score`, '--base', `${at}/base.gguf`],
        async (at) => {
          await cp(adapters, at, { recursive: true })
          await cp(`${root}data/golden/gguf/llama.gguf`, `${at}/base.gguf`)
        },
      )
      const base = `${here}/base.gguf`
      const own = ['--lm', base, '--lm-adapter', `${here}/lm`, '--reward', `score=${here}/score`, '--base', base]
      expect(await work(queue, ...own)).toMatchObject({ code: 0 })
      await expectRows(out, single)
    })

    it('needs the models where `submit` runs, which says so', async () => {
      const missing = join(folder, 'nowhere')
      const args = [
        'submit',
        input,
        '--lm',
        missing,
        '-o',
        join(folder, 'unsubmitted'),
        '--queue',
        `${server.url}/${databases++}`,
      ]
      expect(await rxargs(args)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`Expected a model folder at ${missing}, found nothing there. \`rxargs submit\` checks`),
      })
    })
  },
)
