import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { midRun, prompts, sum } from '../cli/run/midRun.js'
import { attributesOf, type ReceivedSpan, startCollector } from './collector.js'

let folder: string
let out: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-traces-'))
  out = join(folder, 'out')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

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
    const { child, end, of, records, count, write } = midRun(out, '--otlp', collector.url, '--seed', '7', '--reward', slow)
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
    const { child, end, count, write } = midRun(out, '--otlp', collector.url, '--otlp-sample', '0.5')
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
    const { child, end, of, count, write } = midRun(out, '--otlp', `http://127.0.0.1:${port}`)
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
