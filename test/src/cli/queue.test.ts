import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { freePort, noRedis, type RedisServer, redisServer } from '../queue/redisServer.js'
import { lines, rxargs, tiny } from './rxargs.js'

const prompts = (count: number, text = 'Hello') =>
  lines(...Array.from({ length: count }, (_, index) => ({ id: `row-${index}`, prompt: `${text} ${index}` })))

describe('--queue', () => {
  beforeEach(() => void vi.stubEnv('RXARGS_QUEUE', undefined))

  it.each([
    ['no address', []],
    ['an empty address', ['--queue', '']],
    ['another protocol', ['--queue', 'http://127.0.0.1']],
    ['no host', ['--queue', 'redis://']],
    ['a database that is no number', ['--queue', 'redis://127.0.0.1/x']],
    ['options', ['--queue', 'redis://127.0.0.1?family=6']],
  ])('refuses %s', async (_, flags) =>
    expect(await rxargs(['status', ...flags])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^rxargs: Expected `--queue`.*\n$/),
    }),
  )

  it('does not show a password', async () => {
    const { code, stderr } = await rxargs(['status', '--queue', 'redis://me:secret@127.0.0.1/x'])
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('redis://me:***@127.0.0.1/x') })
  })

  it('says when no server answers', async () => {
    const queue = `redis://127.0.0.1:${await freePort()}`
    expect(await rxargs(['worker', '--queue', queue])).toMatchObject({
      code: 1,
      stderr: `rxargs: Expected a Redis or Valkey server at ${queue}: no server answers there\n`,
    })
  })
})

describe.skipIf(noRedis !== undefined)(`a queue${noRedis ? ` (skipped: ${noRedis})` : ''}`, () => {
  let server: RedisServer
  let redis: Redis
  let folder: string
  let [input, out] = ['', '']
  beforeAll(async () => {
    server = await redisServer()
    redis = new Redis(server.port)
  })
  afterAll(async () => {
    redis?.disconnect()
    await server?.stop()
  })
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rxargs-queue-'))
    input = join(folder, 'in.jsonl')
    out = join(folder, 'out')
    await writeFile(input, prompts(10))
  })
  afterEach(async () => {
    await redis.flushall()
    await rm(folder, { recursive: true, force: true })
  })

  const submit = (...flags: string[]) => rxargs(['submit', input, ...tiny, '-o', out, '--queue', server.url, ...flags])
  const queue = (...args: string[]) => rxargs(['queue', ...args, '--queue', server.url])
  const generate = (...flags: string[]) => rxargs(['generate', input, ...tiny, '-o', out, ...flags])
  type State = Readonly<{
    paused: boolean
    jobs: object
    runs: readonly Readonly<{ id: string; rows: number; rows_done: number }>[]
  }>
  const status = async () => JSON.parse((await rxargs(['status', '--queue', server.url, '--json'])).stdout) as State

  it('gets the rows of an input as jobs, each once', async () => {
    expect(await submit('--job-rows', '4')).toMatchObject({ code: 0, stderr: expect.stringContaining('10 rows in 3 jobs added') })
    expect(await submit('--job-rows', '4')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('nothing to add, 10 rows in the queue already'),
    })
    expect(await status()).toMatchObject({
      jobs: { waiting: 3, active: 0, delayed: 0, dead: 0 },
      runs: [{ rows: 10, rows_done: 0 }],
    })
  })

  it('gets what is new in a longer input', async () => {
    await submit('--job-rows', '4')
    await writeFile(input, prompts(12))
    expect(await submit('--job-rows', '4')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('2 rows in 1 job added, 10 rows in the queue already'),
    })
  })

  it('gets only the rows that the folder lacks', async () => {
    await generate('--limit', '7')
    expect(await submit()).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('3 rows in 1 job added, 7 rows there already'),
    })
    expect(await status()).toMatchObject({ runs: [{ rows: 10, rows_done: 7 }] })
  })

  it('has nothing to do for a folder that is complete, which stays free', async () => {
    await generate()
    expect(await submit()).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('nothing to add, 10 rows there already, the run is done'),
    })
    expect(await generate()).toMatchObject({ code: 0, stderr: expect.stringContaining('Nothing to do') })
  })

  it('refuses a changed input, and keeps nothing of it', async () => {
    await generate()
    await writeFile(input, prompts(3) + prompts(20, 'Goodbye').split('\n').slice(3).join('\n'))
    expect(await submit()).toMatchObject({ code: 1, stderr: expect.stringContaining('holds 7 rows made from another prompt') })
    expect(await status()).toMatchObject({ jobs: { waiting: 0 }, runs: [] })
    expect((await readdir(out)).filter((name) => name.endsWith('.lock'))).toEqual([])
  })

  it('refuses an input that has changed since it was submitted', async () => {
    await submit()
    await writeFile(input, prompts(10, 'Goodbye'))
    expect(await submit()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/holds `row-0` of the run \w+ made from another prompt/),
    })
    expect(await status()).toMatchObject({ jobs: { waiting: 1 }, runs: [{ rows: 10 }] })
  })

  it('refuses other settings for the same folder, which --force replaces', async () => {
    await submit()
    expect(await submit('--k', '3')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/The folder is the output of another run: .*`decoder.steps\[0\].topK.k` 10.*` 3/),
    })
    expect(await submit('--k', '3', '--force')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('10 rows in 1 job added'),
    })
    expect(await status()).toMatchObject({ jobs: { waiting: 1 } })
  })

  it('refuses a folder with rows of another run', async () => {
    await generate('--k', '3')
    expect(await submit()).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('holds rows made with `decoder.steps[0].topK.k` 3, but this run has 10'),
    })
    expect(await status()).toMatchObject({ runs: [] })
  })

  it('keeps `generate` out of the folder until the run is cancelled', async () => {
    await submit()
    const [run] = (await status()).runs
    expect(await generate()).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`is the output of the run ${run!.id} of a queue`),
    })
    expect(await queue('cancel', run!.id)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Run \w+ is cancelled\. Finished rows stay in /),
    })
    expect(await status()).toMatchObject({ jobs: { waiting: 0 }, runs: [] })
    expect(await generate()).toMatchObject({ code: 0 })
  })

  it('pauses and goes on', async () => {
    await submit()
    await queue('pause')
    expect(await status()).toMatchObject({ paused: true, jobs: { waiting: 1 } })
    expect((await rxargs(['status', '--queue', server.url])).stdout).toContain('is paused: jobs 1 waiting')
    await queue('resume')
    expect(await status()).toMatchObject({ paused: false })
  })

  it.each([
    ['--strict', ['--strict'], '`--strict` does not apply to a queue'],
    ['--retry-errors', ['--retry-errors'], 'run `rxargs generate --retry-errors` on the folder afterwards'],
    ['--redo-changed', ['--redo-changed'], 'run `rxargs generate --redo-changed` on the folder afterwards'],
    ['--job-rows 0', ['--job-rows', '0'], 'Expected `--job-rows` to be an integer >= 1'],
    ['--priority 0', ['--priority', '0'], 'Expected `--priority` to be an integer from 1 to 2097152'],
  ])('refuses to submit with %s', async (_, flags, message) =>
    expect(await submit(...flags)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) }),
  )

  it('refuses another address than s3:// as the folder', async () =>
    expect(await submit('-o', 'gs://bucket/run')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Expected a folder of this machine, got gs://bucket/run'),
    }))

  it('leaves the flags that it refuses out of its help', async () => {
    const { stdout } = await rxargs(['submit', '--help'])
    for (const flag of ['--strict', '--retry-errors', '--redo-changed']) expect(stdout).not.toContain(flag)
    expect(stdout).toContain('--force')
  })

  it.each([
    ['an unknown action', ['stop'], 'Expected pause, resume, cancel or retry, got `stop`'],
    ['a run to pause', ['pause', 'abc'], 'Expected no run beside `pause`'],
    ['cancel without a run', ['cancel'], 'Expected the id of a run to cancel'],
    ['an unknown run', ['cancel', 'abc'], `there is none, got \`abc\``],
  ])('refuses %s', async (_, args, message) =>
    expect(await queue(...args)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) }),
  )

  it('refuses a queue with the layout of another version', async () => {
    await redis.set('rxargs:layout', '0')
    expect(await submit()).toMatchObject({ code: 1, stderr: expect.stringContaining('its layout is 0, and this version has 1') })
  })

  it('says when the password is missing or wrong', async () => {
    const locked = await redisServer(['--requirepass', 'right'])
    const at = (user: string) => rxargs(['status', '--queue', `redis://${user}127.0.0.1:${locked.port}`])
    expect(await at('')).toMatchObject({ code: 1, stderr: expect.stringContaining('it wants a password') })
    expect(await at(':wrong@')).toMatchObject({ code: 1, stderr: expect.stringContaining('the password or the user is wrong') })
    expect(await at(':right@')).toMatchObject({ code: 0 })
    await locked.stop()
  })
})
