import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { query } from '../io/duckdb.js'
import { finished, pair, rxargs, started } from './rxargs.js'

const PROMPTS = 60

let folder: string
let out: string
let args: string[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-int-'))
  out = join(folder, 'out')
  const input = join(folder, 'in.jsonl')
  await writeFile(input, Array.from({ length: PROMPTS }, (_, index) => `{"prompt":"Tell me about ${index}"}\n`).join(''))
  args = ['generate', input, ...pair, '--max-new-tokens', '8', '-o', out]
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const parts = async (at: string) => (await readdir(at).catch(() => [])).filter((name) => name.endsWith('.parquet'))

const running = async () => {
  const child = started(args)
  const end = finished(child)
  while ((await parts(out)).length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
  return { child, end }
}

const rowsOf = (at: string) => query(`select id, completion, token_ids, reward from '${at}/*.parquet' order by id`)

describe('a run that is killed', () => {
  it('leaves complete parts only, and resumes to the rows of an uninterrupted run', async () => {
    const { child, end } = await running()
    child.kill('SIGKILL')
    await end
    const left = (await query(`select count(*)::int n from '${out}/*.parquet'`))[0]!.n as number
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThan(PROMPTS)
    expect(await rxargs(args)).toMatchObject({ code: 0, stderr: expect.stringContaining(`${left} rows from earlier runs`) })
    const whole = join(folder, 'whole')
    await rxargs([...args.slice(0, -1), whole])
    expect(await rowsOf(out)).toEqual(await rowsOf(whole))
    expect((await rowsOf(whole)).length).toBe(PROMPTS)
  })

  // Windows has no signals that a process may answer.
  it.skipIf(process.platform === 'win32').each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('by %s writes finished rows and exits with %i', async (signal, exitCode) => {
    const { child, end } = await running()
    child.kill(signal)
    const { code, stderr } = await end
    expect(code).toBe(exitCode)
    expect(stderr).toContain('Interrupted')
    const [{ n, ids } = {}] = await query(`select count(*)::int n, count(distinct id)::int ids from '${out}/*.parquet'`)
    expect(n).toBe(ids)
    expect((await readdir(out)).every((name) => /^part-\d{5}\.parquet$/.test(name))).toBe(true)
    expect((await rxargs(args)).code).toBe(0)
    expect((await rowsOf(out)).length).toBe(PROMPTS)
  })

  it.skipIf(process.platform === 'win32')('by Ctrl-C before its first row leaves no part', async () => {
    const child = started(args)
    const end = finished(child)
    await once(child.stderr, 'data')
    child.kill('SIGINT')
    expect((await end).code).toBe(130)
    expect(await parts(out)).toEqual([])
  })
})

describe('a reader that leaves', () => {
  it('causes no error', async () => {
    const child = started(args.slice(0, -2))
    const end = finished(child)
    await once(child.stdout, 'data')
    child.stdout.destroy()
    const { code, stderr } = await end
    expect(stderr).not.toMatch(/EPIPE|Error|rxargs:/)
    expect(code).toBe(0)
  })

  it('ends the process despite open input', async () => {
    const child = started(['generate', '-', ...pair, '--max-new-tokens', '2', '--limit', '1'])
    child.stdin.on('error', () => undefined)
    child.stdin.write('{"prompt":"a"}\n{"prompt":"b"}\n')
    expect((await finished(child)).stdout.trimEnd().split('\n')).toHaveLength(1)
  })
})
