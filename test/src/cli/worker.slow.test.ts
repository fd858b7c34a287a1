import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { copyFile, cp, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { conditionalS3, server as s3Program, WITHOUT_SERVER } from '../io/sources/conditionalS3.js'
import { noRedis, type RedisServer, redisServer } from '../queue/redisServer.js'
import { type Finished, finished, jsonl, lines, lm, pair, root, rowsOf, rxargs, started } from './rxargs.js'

const PROMPTS = 60
const KILLS = 5
const flags = [...pair, '--max-new-tokens', '24', '--concurrency', '4']

let server: RedisServer
/** Each test has a queue of its own. */
let databases = 1
let folder: string
let input: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-worker-'))
  input = join(folder, 'in.jsonl')
  await writeFile(
    input,
    lines(...Array.from({ length: PROMPTS }, (_, index) => ({ id: `row-${index}`, prompt: `Tell me about ${index}` }))),
  )
  if (noRedis === undefined) server = await redisServer()
})
afterAll(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

type State = Readonly<{
  jobs: Readonly<{ waiting: number; active: number; dead: number }>
  runs: readonly Readonly<{ id: string; jobs: number; jobs_done: number; rows_done: number; mean_reward: number | null }>[]
  workers: readonly Readonly<{ pid: number; job?: string }>[]
  dead: readonly Readonly<{ reason: string; attempts: number }>[]
}>

async function status(queue: string): Promise<State> {
  const { stdout } = await rxargs(['status', '--queue', queue, '--json'])
  return JSON.parse(stdout) as State
}

/** Name of the part file of the first job. */
async function partOfFirstJob(queue: string): Promise<string> {
  const redis = new Redis(queue)
  const [key] = await redis.keys('rxargs:jobs:*-0')
  const { part } = JSON.parse((await redis.hget(key!, 'data'))!) as { part: number }
  redis.disconnect()
  return `part-${part}.parquet`
}

const worker = (queue: string, ...more: string[]): ChildProcessWithoutNullStreams =>
  started(['worker', '--queue', queue, '--exit-when-idle', ...more])

describe.skipIf(noRedis !== undefined)(`rxargs worker${noRedis ? ` (skipped: ${noRedis})` : ''}`, () => {
  it('makes the rows of a single process, while workers are killed at random and the server restarts', async () => {
    const [out, single] = [join(folder, 'killed'), join(folder, 'single')]
    await rxargs(['generate', input, ...flags, '-o', single])
    const submitted = await rxargs(['submit', input, ...flags, '-o', out, '--job-rows', '3', '--queue', server.url])
    expect(submitted).toMatchObject({ code: 0, stderr: expect.stringContaining(`${PROMPTS} rows in ${PROMPTS / 3} jobs added`) })

    const running = new Map<number, Readonly<{ child: ChildProcessWithoutNullStreams; end: Promise<Finished> }>>()
    const start = (): void => {
      const child = worker(server.url)
      running.set(child.pid!, { child, end: finished(child) })
    }
    for (let index = 0; index < 3; index++) start()
    for (let kill = 0; kill < KILLS; kill++) {
      let victim: number | undefined
      while (victim === undefined)
        victim = (await status(server.url)).workers.find(({ pid, job }) => job !== undefined && running.has(pid))?.pid
      await sleep(Math.random() * 1000)
      running.get(victim)!.child.kill('SIGKILL')
      running.delete(victim)
      if (kill === 1) await server.restart()
      start()
    }
    const ends = await Promise.all([...running.values()].map(({ end }) => end))
    expect(ends.filter(({ code }) => code !== 0)).toEqual([])
    expect(await rxargs(['verify', out, '--input', input])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`${PROMPTS} rows`),
    })
    expect(await rowsOf(out)).toEqual(await rowsOf(single))
    expect((await readdir(out)).filter((name) => !/^part-\d+\.parquet$/.test(name))).toEqual([])
    expect((await rxargs(['generate', input, ...flags, '-o', out])).stderr).toContain(`already holds all ${PROMPTS} rows`)
  })

  /** Submits the input with small jobs, and gives the address and the id of the run. */
  async function submitted(name: string, ...more: string[]): Promise<Readonly<{ out: string; queue: string; run: string }>> {
    const out = join(folder, name)
    const queue = `${server.url}/${databases++}`
    await rxargs(['submit', input, ...flags, '-o', out, '--job-rows', '30', '--queue', queue, ...more])
    return { out, queue, run: (await status(queue)).runs[0]!.id }
  }

  it('gives its job back on SIGTERM, and another worker goes on', async () => {
    const { out, queue } = await submitted('terminated')
    const first = worker(queue, '--grace', '0')
    const end = finished(first)
    while ((await status(queue)).workers[0]?.job === undefined) await sleep(50)
    first.kill('SIGTERM')
    expect(await end).toMatchObject({ code: 143, stderr: expect.stringContaining('after 0 s it goes back to the queue') })
    expect(await status(queue)).toMatchObject({ jobs: { active: 0, dead: 0 }, workers: [] })
    expect(await finished(worker(queue))).toMatchObject({ code: 0 })
    expect(await rxargs(['verify', out, '--input', input])).toMatchObject({ code: 0 })
    expect((await status(queue)).runs).toMatchObject([{ rows_done: PROMPTS, mean_reward: expect.any(Number) }])
  })

  it('drops the job of a run that is cancelled, and takes that of another run', async () => {
    const { queue, run } = await submitted('cancelled', '--max-new-tokens', '200')
    const child = worker(queue)
    const end = finished(child)
    while ((await status(queue)).workers[0]?.job === undefined) await sleep(50)
    await rxargs(['queue', 'cancel', run, '--queue', queue])
    expect(await status(queue)).toMatchObject({ runs: [], jobs: { active: 0, waiting: 0 } })
    expect(await end).toMatchObject({ code: 0, stderr: expect.stringContaining('Nothing left to do') })
    expect(await readdir(join(folder, 'cancelled'))).toEqual([])
  })

  it('decodes the run with the smaller number first', async () => {
    const { queue } = await submitted('late', '--priority', '2')
    const early = join(folder, 'early')
    await rxargs(['submit', input, ...flags, '-o', early, '--queue', queue, '--priority', '1'])
    const { stderr } = await finished(worker(queue))
    expect([...stderr.matchAll(/is done: .*[\\/](\w+)/g)].map(([, name]) => name)).toEqual(['early', 'late'])
  })

  it('keeps its engine for a run with the same models and settings, and no other', async () => {
    const queue = `${server.url}/${databases++}`
    const module = join(folder, 'count.mjs')
    // Its state must not go from run to run.
    await writeFile(module, 'let calls = 0\nexport default () => (calls++ === 0 ? 1 : 0)\n')
    const operators = join(folder, 'operators.cjs')
    await writeFile(operators, 'exports.operators = {}\n')
    const [one, other] = [join(folder, 'one.jsonl'), join(folder, 'other.jsonl')]
    await writeFile(one, lines({ id: 'a', prompt: 'One' }, { id: 'b', prompt: 'Two' }))
    await writeFile(other, lines({ id: 'c', prompt: 'Three' }, { id: 'a', prompt: 'Four' }))
    const own = ['--max-new-tokens', '6', '--decoder', 'args-stochastic']
    const withModule = ['--lm', lm, '--decoder', 'greedy', '--max-new-tokens', '2', '--concurrency', '1', '--reward', module]
    const runs = [
      ...[one, other].map((from, index) => ({ name: `same-${index}`, from, args: [...pair, ...own] })),
      { name: 'seed', from: one, args: [...pair, ...own, '--seed', '1'] },
      ...[one, other].map((from, index) => ({ name: `module-${index}`, from, args: withModule })),
      ...[one, other].map((from, index) => ({ name: `use-${index}`, from, args: [...pair, '--use', operators] })),
    ]
    for (const [index, { name, from, args }] of runs.entries())
      await rxargs(['submit', from, ...args, '-o', join(folder, name), '--queue', queue, '--priority', String(index + 1)])
    const { code, stderr } = await finished(worker(queue))
    expect(code).toBe(0)
    const loads = stderr.match(/^(Loading the models|The run \w+ has the models and settings that are loaded)/gm)
    expect(loads!.map((line) => line.startsWith('The run'))).toEqual([false, true, false, false, false, false, false])
    for (const { name, from, args } of runs.slice(0, 3)) {
      const single = join(folder, `single-${name}`)
      await rxargs(['generate', from, ...args, '-o', single])
      expect(await rowsOf(join(folder, name))).toEqual(await rowsOf(single))
    }
    for (const { name } of runs.slice(3, 5))
      expect(jsonl((await rxargs(['cat', join(folder, name), '--columns', 'reward'])).stdout)).toContainEqual({ reward: 1 })
  })

  it('lists a job that fails again and again with its reason, until it is tried again', async () => {
    const { out, queue } = await submitted('blocked')
    // The part of the first job holds rows of something else.
    await rxargs(['generate', input, ...flags, '-o', join(folder, 'other'), '--limit', '1'])
    const [part] = await readdir(join(folder, 'other'))
    const [done, broken] = [await partOfFirstJob(queue), join(out, 'broken')]
    await copyFile(join(folder, 'other', part!), join(out, done))
    expect(await finished(worker(queue))).toMatchObject({ code: 0, stderr: expect.stringContaining('(attempt 1 of 5)') })
    const state = await status(queue)
    expect(state.dead).toMatchObject([
      { attempts: 5, reason: expect.stringContaining('to hold the rows of its job, found others') },
    ])
    await rename(join(out, done), broken)
    expect(await rxargs(['queue', 'retry', '--queue', queue])).toMatchObject({ stdout: '1 failed job is queued again\n' })
    expect(await finished(worker(queue))).toMatchObject({ code: 0 })
    expect(await rxargs(['verify', out, '--input', input])).toMatchObject({ code: 0 })
  })

  it('refuses a run whose models are others here, or whose folder is not here, and leaves its jobs to other workers', async () => {
    const model = join(folder, 'lm')
    await cp(lm, model, { recursive: true })
    const { out, queue } = await submitted('moved', '--lm', model)
    await rename(out, `${out}-elsewhere`)
    expect(await finished(worker(queue))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Mount that folder here under the same path'),
    })
    await rename(`${out}-elsewhere`, out)
    await rm(model, { recursive: true })
    await cp(`${root}data/golden/biased/lm`, model, { recursive: true })
    expect(await finished(worker(queue))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('This worker would make other rows: '),
    })
    await rm(model, { recursive: true })
    expect(await finished(worker(queue))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('This worker cannot decode the run'),
    })
    expect(await status(queue)).toMatchObject({ jobs: { waiting: 2, active: 0, dead: 0 } })
  })

  it.skipIf(s3Program === undefined)(
    `writes into S3${s3Program === undefined ? ` (skipped: ${WITHOUT_SERVER})` : ''}, where another worker goes on`,
    async () => {
      const s3 = await conditionalS3()
      try {
        const [out, single] = ['s3://data/runs/queue', join(folder, 'local')]
        const queue = `${server.url}/${databases++}`
        await rxargs(['submit', input, ...flags, '-o', `${out}/`, '--job-rows', '20', '--queue', queue])
        expect(await rxargs(['generate', input, ...flags, '-o', out])).toMatchObject({
          code: 1,
          stderr: expect.stringContaining(`${out} is the output of the run`),
        })
        const first = worker(queue)
        while ((await status(queue)).workers[0]?.job === undefined) await sleep(50)
        first.kill('SIGKILL')
        expect(await finished(worker(queue))).toMatchObject({ code: 0, stderr: expect.stringContaining(`is done: ${out}`) })
        expect(await rxargs(['verify', out, '--input', input])).toMatchObject({ code: 0 })
        await rxargs(['generate', input, ...flags, '-o', single])
        expect(await rowsOf(out)).toEqual(await rowsOf(single))
        expect((await rxargs(['generate', input, ...flags, '-o', out])).stderr).toContain('Nothing to do')
      } finally {
        await s3.close()
      }
    },
  )
})
