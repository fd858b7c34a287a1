import type { ChildProcess } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { query } from '../io/duckdb.js'
import { finished, pair, rxargs, started } from './rxargs.js'

let folder: string
let out: string
const children: ChildProcess[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-lock-'))
  out = join(folder, 'out')
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

const locks = async () =>
  (await readdir(out).catch(() => [])).filter((name) => name.startsWith('.run-') && name.endsWith('.lock'))

/** A run whose open input keeps the folder's lock until the run is killed. */
async function holding() {
  const child = started(['generate', '-', ...pair, '--max-new-tokens', '2', '-o', out])
  children.push(child)
  child.stdin.on('error', () => undefined)
  const end = finished(child)
  let hasEnded = false
  void end.then(() => {
    hasEnded = true
  })
  while ((await locks()).length === 0 && !hasEnded) await new Promise((resolve) => setTimeout(resolve, 10))
  return { child, end }
}

const other = async (): Promise<string[]> => {
  const input = join(folder, 'in.jsonl')
  await writeFile(input, '{"id":"b","prompt":"b"}\n')
  return ['generate', input, ...pair, '--max-new-tokens', '2', '-o', out]
}

describe('two runs into one folder', () => {
  it('at once: the second one is refused and names the first, which goes on', async () => {
    const { child, end } = await holding()
    const args = await other()
    const message = `process ${child.pid} on ${hostname()}, started `
    for (const each of [args, [...args, '--force']]) {
      const second = await finished(started(each))
      expect(second.code).toBe(1)
      expect(second.stderr).toContain(`${out} is in use: ${message}`)
    }
    child.stdin.end('{"id":"a","prompt":"a"}\n')
    expect((await end).code).toBe(0)
    expect(await locks()).toEqual([])
    expect((await rxargs(args)).code).toBe(0)
    expect(await query(`select id from '${out}/*.parquet' order by id`)).toEqual([{ id: 'a' }, { id: 'b' }])
  })

  it('started together: one writes, and no row is duplicate', async () => {
    const args = await other()
    const ended = await Promise.all([finished(started(args)), finished(started(args)), finished(started(args))])
    // A run that starts after another one has ended finds the row.
    for (const { code, stderr } of ended) if (code !== 0) expect(stderr).toContain('is writing to it')
    expect(ended.map(({ code }) => code)).toContain(0)
    expect(await query(`select id from '${out}/*.parquet'`)).toEqual([{ id: 'b' }])
    expect(await locks()).toEqual([])
  })

  // Windows has no signals that a process may answer.
  it.skipIf(process.platform === 'win32').each(['SIGINT', 'SIGTERM'] as const)(
    'after %s: the first leaves no lock',
    async (signal) => {
      const { child, end } = await holding()
      child.kill(signal)
      expect((await end).code).toBe(signal === 'SIGINT' ? 130 : 143)
      expect(await locks()).toEqual([])
    },
  )

  it('after kill -9: the second one takes over the lock', async () => {
    const { child, end } = await holding()
    child.kill('SIGKILL')
    await end
    expect(await locks()).toHaveLength(1)
    expect((await rxargs(await other())).code).toBe(0)
    expect(await locks()).toEqual([])
  })
})
