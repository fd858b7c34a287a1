import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { columnsOf } from '../../../../src/io/parquet/rowColumns.js'
import { parseExposition, type Sample } from '../../watch/exposition.js'
import { finished, jsonl, pair, root, started } from '../rxargs.js'
import { midRun, prompts, sum } from './midRun.js'

let folder: string
let out: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-watch-'))
  out = join(folder, 'out')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const figureOf = (samples: readonly Sample[], name: string, labels: Sample['labels'] = {}): number =>
  samples.find((sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
    ?.value ?? Number.NaN

describe('--metrics-port', () => {
  it('serves figures in mid-run that agree with the log', async () => {
    const { child, end, of, count, write } = midRun(out, '--metrics-port', '0')
    write(...prompts(6), 'no JSON')
    await count('row', 7)
    const url = String(of('notice').find(({ message }) => String(message).startsWith('Metrics at'))?.message).replace(
      'Metrics at ',
      '',
    )
    const response = await fetch(url)
    expect(response.headers.get('content-type')).toContain('version=0.0.4')
    const samples = parseExposition(await response.text())
    const rows = of('row')
    expect(figureOf(samples, 'rxargs_rows_total', { finish_reason: 'error' })).toBe(1)
    expect(samples.filter(({ name }) => name === 'rxargs_rows_total').reduce((all, { value }) => all + value, 0)).toBe(7)
    expect(figureOf(samples, 'rxargs_tokens_total', { kind: 'completion' })).toBe(sum(rows, 'completion_tokens'))
    expect(figureOf(samples, 'rxargs_tokens_total', { kind: 'prompt' })).toBe(sum(rows, 'prompt_tokens'))
    expect(figureOf(samples, 'rxargs_reward_count', { reward: 'reward' })).toBe(6)
    expect(figureOf(samples, 'rxargs_reward_sum', { reward: 'reward' })).toBeCloseTo(sum(rows, 'reward'), 6)
    expect(figureOf(samples, 'rxargs_row_seconds_count')).toBe(7)
    for (const model of ['lm', 'reward']) {
      expect(figureOf(samples, 'rxargs_batch_size_count', { model })).toBeGreaterThan(0)
      expect(figureOf(samples, 'rxargs_batch_seconds_sum', { model })).toBeGreaterThan(0)
      expect(figureOf(samples, 'rxargs_queue_length', { model })).toBe(0)
      expect(figureOf(samples, 'rxargs_kv_cache_bytes', { model })).toBeGreaterThan(0)
    }
    expect(figureOf(samples, 'process_resident_memory_bytes')).toBeGreaterThan(0)
    expect((await fetch(new URL('/', url))).status).toBe(404)
    expect((await fetch(url, { method: 'POST' })).status).toBe(405)
    child.stdin.end()
    expect((await end).code).toBe(0)
  })

  it('refuses a port that is taken in one line, before models load', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { code, stderr } = await finished(
      started(['generate', `${root}data/prompts/sample.jsonl`, ...pair, '--metrics-port', String(port)]),
    )
    expect([code, stderr]).toEqual([
      1,
      `rxargs: Port ${port} of 127.0.0.1 is taken by another program (EADDRINUSE); \`--metrics-port 0\` takes a free one\n`,
    ])
  })
})

describe('--log json', () => {
  it('writes records only: start, rows named as the columns, parts, end, exit code', async () => {
    const { child, end, of, records, count, write } = midRun(out, '--keep-input')
    write(...prompts(3), 'no JSON')
    await count('row', 4)
    child.stdin.end()
    const { code, stderr } = await end
    expect(code).toBe(0)
    expect(jsonl(stderr)).toEqual(records)
    for (const record of records)
      expect(record).toMatchObject({ level: expect.any(String), time: expect.any(String), event: expect.any(String) })
    expect(of('start')).toEqual([
      expect.objectContaining({
        ...{ output: out, device: 'cpu', dtype: 'fp32', seed: 0, version: expect.any(String) },
        spec: expect.objectContaining({ maxNewTokens: 5, rewards: ['reward'] }),
        models: expect.objectContaining({ lm: expect.objectContaining({ sha256: expect.any(String) }) }),
      }),
    ])
    const columns = Object.keys(columnsOf(new Set()))
    for (const { level, time, pid, hostname, event, ...row } of of('row'))
      expect(Object.keys(row).filter((name) => !columns.includes(name))).toEqual([])
    expect(of('row').map(({ level, finish_reason }) => (finish_reason === 'error' ? level : 'no error'))).toContain('warn')
    expect(sum(of('part'), 'rows')).toBe(4)
    expect(of('end')).toEqual([expect.objectContaining({ rows: 4, errors: 1, tokens: sum(of('row'), 'completion_tokens') })])
    expect(records.at(-1)).toMatchObject({ event: 'exit', exit_code: 0 })
  })

  it('turns what modules and Node print into records', async () => {
    const module = join(folder, 'loud.js')
    await writeFile(
      module,
      `console.error('loading\\nin two lines')
       export default (text) => { console.log('scored'); process.emitWarning('careful'); return text.length }`,
    )
    const { child, end, of, count, write } = midRun(out, '--reward', module, '--decoder', 'greedy')
    write(...prompts(1))
    await count('row', 1)
    child.stdin.end()
    expect((await end).code).toBe(0)
    expect(of('output').map(({ message }) => message)).toEqual(expect.arrayContaining(['loading', 'in two lines', 'scored']))
    expect(of('warning').map(({ message }) => message)).toContain('Warning: careful')
  })

  it('reports a usage error as a record', async () => {
    const { code, stderr } = await finished(started(['generate', '--log', 'json', '--k', 'many']))
    expect(code).toBe(2)
    expect(jsonl(stderr)).toEqual([
      expect.objectContaining({ level: 'error', event: 'error', message: expect.stringMatching(/^Expected `--k` to be/) }),
      expect.objectContaining({ event: 'exit', exit_code: 2 }),
    ])
  })
})

const generate = ['generate', `${root}data/prompts/sample.jsonl`, ...pair]

it.each([
  ['pino', [...generate, '--log', 'json'], '`--log json` needs one more package: npm install pino'],
  ['prom-client', [...generate, '--metrics-port', '0'], '`--metrics-port` needs one more package: npm install prom-client'],
  [
    '@opentelemetry/sdk-trace',
    [...generate, '--otlp', 'http://127.0.0.1:1'],
    '`--otlp` needs more packages: npm install @opentelemetry/api@1.9',
  ],
  ['@aws-sdk/client-s3', [...generate, '-o', 's3://data/run'], '`s3://` needs one more package: npm install @aws-sdk/client-s3'],
  ['ioredis', ['status', '--queue', 'redis://127.0.0.1'], '`--queue` needs more packages: npm install bullmq ioredis'],
])('says in one line that %s is missing', async (name, args, message) => {
  const hooks = `export const resolve = (name, context, next) => {
    if (name !== ${JSON.stringify(name)}) return next(name, context)
    throw Object.assign(new Error("Cannot find package"), { code: 'ERR_MODULE_NOT_FOUND' })
  }`
  const data = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`
  const without = data(`import { register } from 'node:module'; register(${JSON.stringify(data(hooks))})`)
  const child = started(args, undefined, ['--import', without])
  const { code, stderr } = await finished(child)
  expect([code, stderr]).toEqual([2, expect.stringContaining(`rxargs: ${message}`)])
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
})
