import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { columnsOf } from '../../../../src/io/parquet/rowColumns.js'
import { attributesOf, type ReceivedSpan, startCollector } from '../../watch/collector.js'
import { parseExposition, type Sample } from '../../watch/exposition.js'
import { finished, jsonl, pair, root, started } from '../rxargs.js'

type LogRecord = Readonly<Record<string, unknown>>

let folder: string
let out: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-watch-'))
  out = join(folder, 'out')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const short = ['--max-new-tokens', '5']

/** Runs the program on prompts that go to its standard input one by one, so that it is in mid-run until `end`. */
function running(...flags: readonly string[]) {
  const child = started(['generate', ...pair, ...short, '-o', out, '--log', 'json', ...flags])
  onTestFinished(() => void child.kill('SIGKILL'))
  const end = finished(child)
  const records: LogRecord[] = []
  const wakes = new Set<() => void>()
  const wakeAll = (): void => {
    for (const wake of wakes) wake()
    wakes.clear()
  }
  createInterface({ input: child.stderr }).on('line', (line) => {
    records.push(JSON.parse(line) as LogRecord)
    wakeAll()
  })
  child.once('exit', wakeAll)
  const of = (event: string): LogRecord[] => records.filter((record) => record.event === event)
  const count = async (event: string, wanted: number): Promise<void> => {
    while (of(event).length < wanted && child.exitCode === null) await new Promise<void>((resolve) => void wakes.add(resolve))
    expect(of(event).length).toBeGreaterThanOrEqual(wanted)
  }
  return {
    child,
    end,
    of,
    records,
    count,
    write: (...lines: string[]) => child.stdin.write(lines.map((line) => `${line}\n`).join('')),
  }
}

const prompts = (number: number): string[] =>
  Array.from({ length: number }, (_, index) => `{"id":"p${index}","prompt":"Tell me ${index}"}`)
const sum = (records: readonly LogRecord[], field: string): number =>
  records.reduce((all, record) => all + ((record[field] as number | null) ?? 0), 0)

const figureOf = (samples: readonly Sample[], name: string, labels: Sample['labels'] = {}): number =>
  samples.find((sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
    ?.value ?? Number.NaN

describe('--metrics-port', () => {
  it('serves figures in mid-run that agree with the log', async () => {
    const { child, end, of, count, write } = running('--metrics-port', '0')
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
    const { child, end, of, records, count, write } = running('--keep-input')
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
    const { child, end, of, count, write } = running('--reward', module, '--decoder', 'greedy')
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

describe('--otlp', () => {
  const nano = (text: string): bigint => BigInt(text)

  /** Checks the tree of a trace, and gives its root and the names of its spans. */
  function checkTrace(spans: readonly ReceivedSpan[]) {
    const byId = new Map(spans.map((span) => [span.spanId, span]))
    const roots = spans.filter(({ parentSpanId }) => parentSpanId === undefined)
    expect(roots).toHaveLength(1)
    for (const span of spans) {
      expect(nano(span.endTimeUnixNano)).toBeGreaterThanOrEqual(nano(span.startTimeUnixNano))
      if (span.parentSpanId === undefined) continue
      const parent = byId.get(span.parentSpanId)!
      expect(nano(span.startTimeUnixNano)).toBeGreaterThanOrEqual(nano(parent.startTimeUnixNano))
      expect(nano(span.endTimeUnixNano)).toBeLessThanOrEqual(nano(parent.endTimeUnixNano))
    }
    return { root: roots[0]!, names: new Set(spans.map(({ name }) => name)) }
  }
  const tracesOf = (spans: readonly ReceivedSpan[]): ReceivedSpan[][] =>
    [...new Set(spans.map(({ traceId }) => traceId))].map((trace) => spans.filter(({ traceId }) => traceId === trace))

  it('sends a trace of each prompt, also of a row that SIGTERM leaves unfinished', async () => {
    const collector = await startCollector()
    onTestFinished(collector.close)
    const slow = join(folder, 'slow.js')
    await writeFile(slow, 'export default (text) => text.includes("wait") ? new Promise(() => {}) : text.length')
    const { child, end, of, records, count, write } = running('--otlp', collector.url, '--seed', '7', '--reward', slow)
    write('{"id":"unfinished","prompt":"wait"}', ...prompts(3), 'no JSON')
    await count('row', 4)
    child.kill('SIGTERM')
    expect((await end).code).toBe(143)
    expect(collector.faults).toEqual([])
    const rows = new Map(of('row').map((row) => [row.id, row]))
    const traces = new Map(
      tracesOf(collector.spans).map((spans) => {
        const { root, names } = checkTrace(spans)
        return [attributesOf(root.attributes)['rxargs.id'], { spans, names, root, own: attributesOf(root.attributes) }] as const
      }),
    )
    expect([...traces.keys()].sort()).toEqual([...rows.keys(), 'unfinished'].sort())
    for (const [id, { root, spans, names, own }] of traces) {
      const row = rows.get(id)
      expect([root.name, own['rxargs.finish_reason'], own['rxargs.reward'] ?? null]).toEqual([
        'prompt',
        row?.finish_reason,
        row?.reward ?? null,
      ])
      if (row === undefined) expect(root.status).toEqual({ code: 2, message: 'The run ended before the row was finished' })
      else if (row.finish_reason === 'error') expect(root.status).toEqual({ code: 2, message: row.error })
      if (row?.finish_reason === 'error') continue
      const whole = row === undefined ? [] : ['detokenize', 'final reward']
      for (const each of ['tokenize', 'prefill', 'step', 'wait', 'lm', 'reward reward', ...whole]) expect(names).toContain(each)
      if (row === undefined) continue
      const steps = spans.filter(({ name }) => name === 'step')
      const tokens = steps.reduce((all, { attributes }) => all + Number(attributesOf(attributes)['rxargs.tokens']), 0)
      expect(tokens).toBe(row.completion_tokens)
    }
    expect(collector.resources[0]).toMatchObject({
      ...{ 'service.name': 'rxargs', 'rxargs.seed': 7, 'rxargs.max_new_tokens': 5 },
      'rxargs.decoder': expect.stringContaining('topK'),
    })
    expect(sum(of('part'), 'rows')).toBe(4)
    expect(of('end')).toEqual([expect.objectContaining({ rows: 4 })])
    expect(records.at(-1)).toMatchObject({ event: 'exit', exit_code: 143 })
  })

  it('traces a share of the prompts', async () => {
    const collector = await startCollector()
    onTestFinished(collector.close)
    const { child, end, count, write } = running('--otlp', collector.url, '--otlp-sample', '0.5')
    write(...prompts(20))
    await count('row', 20)
    child.stdin.end()
    expect((await end).code).toBe(0)
    const traced = tracesOf(collector.spans).length
    expect([traced > 0, traced < 20]).toEqual([true, true])
  })

  it.each([
    ['refuses connections', undefined],
    ['answers no request', createServer(() => undefined)],
  ])('ends with its rows and one notice if the collector %s', async (_, silent) => {
    const server = silent ?? createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    if (silent) {
      onTestFinished(() => {
        silent.close()
        silent.closeAllConnections()
      })
    } else await new Promise((resolve) => server.close(resolve))
    const { child, end, of, count, write } = running('--otlp', `http://127.0.0.1:${port}`)
    write(...prompts(2))
    await count('row', 2)
    child.stdin.end()
    expect((await end).code).toBe(0)
    const notices = of('notice').map(({ message }) => String(message))
    expect(notices.filter((notice) => notice.startsWith('The collector at'))).toHaveLength(1)
    expect(notices.filter((notice) => /^\d+ spans did not reach the collector/.test(notice))).toHaveLength(1)
    expect(sum(of('part'), 'rows')).toBe(2)
  })
})

it.each([
  ['pino', ['--log', 'json'], '`--log json` needs one more package: npm install pino'],
  ['prom-client', ['--metrics-port', '0'], '`--metrics-port` needs one more package: npm install prom-client'],
  [
    '@opentelemetry/sdk-trace',
    ['--otlp', 'http://127.0.0.1:1'],
    '`--otlp` needs more packages: npm install @opentelemetry/api@1.9',
  ],
])('says in one line that %s is missing', async (name, flags, message) => {
  const hooks = `export const resolve = (name, context, next) => {
    if (name !== ${JSON.stringify(name)}) return next(name, context)
    throw Object.assign(new Error("Cannot find package"), { code: 'ERR_MODULE_NOT_FOUND' })
  }`
  const data = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`
  const without = data(`import { register } from 'node:module'; register(${JSON.stringify(data(hooks))})`)
  const child = started(['generate', `${root}data/prompts/sample.jsonl`, ...pair, ...flags], undefined, ['--import', without])
  const { code, stderr } = await finished(child)
  expect([code, stderr]).toEqual([2, expect.stringContaining(`rxargs: ${message}`)])
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
})
