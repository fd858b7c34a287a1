import { once } from 'node:events'
import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { noRedis, type RedisServer, redisServer } from '../../queue/redisServer.js'
import { startCollector } from '../../watch/collector.js'
import { parseExposition } from '../../watch/exposition.js'
import { follow, prompts, sum } from '../run/midRun.js'
import { finished, jsonl, rxargs, started, tiny } from '../rxargs.js'

const ROWS = 3

let server: RedisServer
/** Each test has a queue of its own. */
let databases = 1
let queue: string
let folder: string
let out: string
beforeAll(async () => {
  if (noRedis === undefined) server = await redisServer()
})
afterAll(() => server?.stop())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-worker-watch-'))
  out = join(folder, 'out')
  if (server !== undefined) queue = `${server.url}/${databases++}`
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Puts one job into the queue. */
async function submit(...more: readonly string[]): Promise<void> {
  const input = join(folder, 'in.jsonl')
  await writeFile(input, `${prompts(ROWS).join('\n')}\n`)
  expect(await rxargs(['submit', input, ...tiny, '-o', out, '--queue', queue, ...more])).toMatchObject({ code: 0 })
}

const worker = (...more: readonly string[]) => follow(started(['worker', '--queue', queue, '--log', 'json', ...more]))

describe.skipIf(noRedis !== undefined)(`rxargs worker that is watched${noRedis ? ` (skipped: ${noRedis})` : ''}`, () => {
  it('logs its jobs and their rows as records, serves figures and sends traces', async () => {
    await submit()
    const collector = await startCollector()
    onTestFinished(() => collector.close())
    const { child, end, of, records, count } = worker('--metrics-port', '0', '--otlp', collector.url)
    await count('job_start', 1)
    const url = of('notice')
      .map(({ message }) => String(message))
      .find((message) => message.startsWith('Metrics at '))!
      .replace('Metrics at ', '')
    const scrape = async () => parseExposition(await (await fetch(url)).text())
    expect(await scrape()).toContainEqual({ name: 'rxargs_jobs_total', labels: { event: 'start' }, value: 1 })
    await count('job_done', 1)
    const rows = of('row')
    const [job] = of('job_start')
    expect(job).toMatchObject({
      run: expect.any(String),
      job: expect.any(String),
      output: out,
      attempt: 1,
      rows: ROWS,
      level: 'info',
    })
    const ofJob = { run: job!.run, job: job!.job, pid: child.pid }
    expect(of('job_done')).toMatchObject([{ ...ofJob, rows: ROWS, errors: 0, tokens: sum(rows, 'completion_tokens') }])
    expect(of('job_done')[0]!.mean_reward).toBeCloseTo(sum(rows, 'reward') / ROWS, 6)
    expect(of('start')).toMatchObject([{ ...ofJob, models: expect.any(Object), device: 'cpu' }])
    expect(rows.map(({ id }) => id).sort()).toEqual(['p0', 'p1', 'p2'])
    for (const row of rows) expect(row).toMatchObject(ofJob)
    const order = records.map(({ event }) => event).filter((event) => /^(job_|row$|start$)/.test(String(event)))
    expect(order).toEqual(['job_start', 'start', ...rows.map(() => 'row'), 'job_done'])

    const samples = await scrape()
    const figure = (name: string, ...labels: readonly string[]): number | undefined =>
      samples.find((sample) => sample.name === name && labels.every((label) => Object.values(sample.labels).includes(label)))
        ?.value
    expect(samples.filter(({ name }) => name === 'rxargs_rows_total').reduce((all, { value }) => all + value, 0)).toBe(ROWS)
    expect(figure('rxargs_tokens_total', 'completion')).toBe(sum(rows, 'completion_tokens'))
    expect(figure('rxargs_reward_sum', 'reward')).toBeCloseTo(sum(rows, 'reward'), 6)
    expect(figure('rxargs_batch_size_count', 'lm')).toBeGreaterThan(0)
    expect(figure('rxargs_jobs_total', 'start')).toBe(1)
    expect(figure('rxargs_jobs_total', 'done')).toBe(1)
    expect(figure('rxargs_job_running')).toBe(0)
    expect(figure('rxargs_queue_paused')).toBe(0)

    await rxargs(['queue', 'pause', '--queue', queue])
    await count('queue_paused', 1)
    await rxargs(['queue', 'resume', '--queue', queue])
    await count('queue_resumed', 1)
    child.kill('SIGTERM')
    expect(await end).toMatchObject({ code: 143, stdout: '' })
    expect(records.at(-1)).toMatchObject({ event: 'exit', exit_code: 143 })
    expect(collector.faults).toEqual([])
    expect(collector.spans.filter(({ name }) => name === 'prompt')).toHaveLength(ROWS)
  })

  it('logs why a job is tried again, and that a killed worker had it', async () => {
    await submit()
    // The part of the job holds rows of something else.
    const other = join(folder, 'other')
    await rxargs(['generate', join(folder, 'in.jsonl'), ...tiny, '--limit', '1', '-o', other])
    const first = worker()
    await first.count('job_start', 1)
    first.child.kill('SIGKILL')
    const part = join(out, `part-${first.of('job_start')[0]!.part}.parquet`)
    await rm(part, { force: true })
    await copyFile(join(other, (await readdir(other))[0]!), part)
    const second = worker('--exit-when-idle')
    await second.count('job_retry', 1)
    await rm(part)
    expect(await second.end).toMatchObject({ code: 0 })
    const [retry] = second.of('job_retry')
    expect(second.of('job_stalled')).toMatchObject([{ job: retry!.job, level: 'warn' }])
    expect(retry).toMatchObject({
      ...{ attempt: 1, attempts: 5, level: 'warn' },
      reason: expect.stringContaining('to hold the rows of its job, found others'),
    })
    expect(second.of('job_done')).toMatchObject([{ job: retry!.job, attempt: 1 + second.of('job_retry').length }])
  })

  it('ends in one line before it takes a job if its port is taken', async () => {
    await submit()
    const taken = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void taken.close())
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    expect(await finished(started(['worker', '--queue', queue, '--metrics-port', String(port)]))).toEqual({
      ...{ code: 1, stdout: '' },
      stderr: `rxargs: Port ${port} of 127.0.0.1 is taken by another program (EADDRINUSE); \`--metrics-port 0\` takes a free one\n`,
    })
    const [state] = jsonl((await rxargs(['status', '--queue', queue, '--json'])).stdout)
    expect(state).toMatchObject({ jobs: { waiting: 1, active: 0 } })
  })
})
