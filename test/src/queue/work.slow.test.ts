import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { TAKEOVER } from '../../../src/queue/work.js'
import { finished, lines, pair, root, rxargs } from '../cli/rxargs.js'
import { noRedis, type RedisServer, redisServer } from './redisServer.js'

/** The README promises that a job whose worker was killed goes on within this time. */
const PROMISE_MS = 10_000
const ROWS = 300

type Event = Readonly<{ at: number; event: string; jobId?: string }>

/** Reads BullMQ's events. The server stamps each with its own clock. */
async function eventsOf(redis: Redis): Promise<Event[]> {
  const entries = await redis.xrange('rxargs:jobs:events', '-', '+')
  return entries.map(([id, fields]) => {
    const pairs = Array.from({ length: fields.length / 2 }, (_, at) => [fields[2 * at]!, fields[2 * at + 1]!] as const)
    return { at: Number(id.split('-')[0]), ...Object.fromEntries(pairs) } as Event
  })
}

const clock = async (redis: Redis): Promise<number> => {
  const [seconds, micros] = await redis.time()
  return Number(seconds) * 1000 + Number(micros) / 1000
}

async function poll<T>(read: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const value = await read()
    if (value !== undefined) return value
    await sleep(20)
  }
}

describe.skipIf(noRedis !== undefined)(`a job whose worker is gone${noRedis ? ` (skipped: ${noRedis})` : ''}`, () => {
  let server: RedisServer
  let redis: Redis
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rxargs-takeover-'))
    server = await redisServer()
    redis = new Redis(server.url)
  })
  afterAll(async () => {
    redis?.disconnect()
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  it('may go on within the time that the README promises', () =>
    expect(TAKEOVER.lockMs + 2 * TAKEOVER.checkMs).toBeLessThan(PROMISE_MS))

  type State = Readonly<{ workers: readonly Readonly<{ pid: number; job?: string; tokens_per_second: number }>[] }>
  const workers = async () => (JSON.parse((await rxargs(['status', '--queue', server.url, '--json'])).stdout) as State).workers

  it('goes to another worker after kill -9 of a whole process group, no later than lock and checks say', {
    timeout: 600_000,
  }, async () => {
    const input = join(folder, 'in.jsonl')
    const prompts = Array.from({ length: ROWS }, (_, index) => ({ id: `row-${index}`, prompt: `About ${index}` }))
    await writeFile(input, lines(...prompts))
    // One job, which takes a minute at least: nothing in here may last as long.
    const flags = [...pair, '--max-new-tokens', '400', '--concurrency', '1', '--job-rows', String(ROWS)]
    await rxargs(['submit', input, ...flags, '-o', join(folder, 'out'), '--queue', server.url])
    const start = () => {
      const args = [`${root}dist/src/cli/main.js`, 'worker', '--queue', server.url, '--exit-when-idle']
      const child = spawn(process.execPath, args, { detached: true })
      onTestFinished(() => void child.kill('SIGKILL'))
      return { child, end: finished(child) }
    }
    const both = [start(), start()]
    const busy = await poll(async () => {
      const all = await workers()
      return all.length === 2 ? all.find(({ tokens_per_second: speed }) => speed > 0) : undefined
    })
    const { job } = busy
    const victim = both.find(({ child }) => child.pid === busy.pid)!
    const other = both.find(({ child }) => child.pid !== busy.pid)!

    // The server itself keeps these times, whatever else the machine does.
    const leftOf = (key: string) =>
      poll(async () => {
        const milliseconds = await redis.pttl(`rxargs:jobs:${key}`)
        return milliseconds > 0 ? milliseconds : undefined
      })
    expect(await leftOf(`${job}:lock`)).toBeLessThanOrEqual(TAKEOVER.lockMs)
    expect(await leftOf('stalled-check')).toBeLessThanOrEqual(TAKEOVER.checkMs)

    const killedAt = Math.floor(await clock(redis))
    process.kill(-victim.child.pid!, 'SIGKILL')
    await victim.end
    expect(await poll(async () => (await workers()).find(({ pid }) => pid === other.child.pid)?.job)).toBe(job)
    const events = (await eventsOf(redis)).filter(({ jobId, at }) => jobId === job && at >= killedAt)
    expect(events.slice(0, 3).map(({ event }) => event)).toEqual(['waiting', 'stalled', 'active'])
    // Far more than promised, for a machine that is busy with other work.
    expect(events[2]!.at - killedAt).toBeLessThan(3 * PROMISE_MS)

    await rxargs(['queue', 'cancel', job!.split('-')[0]!, '--queue', server.url])
    expect(await other.end).toMatchObject({ code: 0, stderr: expect.stringContaining(`The worker of the job ${job} is gone`) })
  })
})
