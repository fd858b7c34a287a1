import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { query } from '../../io/duckdb.js'
import { jsonl, pair, rxargs } from '../rxargs.js'

let folder: string
let input: string
let out: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-cli-'))
  out = join(folder, 'out')
  input = join(folder, 'in.jsonl')
  const lines = [{ id: 'a', prompt: 'One' }, { prompt: 'Two' }, { id: 'a', prompt: 'Three' }, { prompt: 3 }]
  await writeFile(input, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n\nnot json\n{"prompt": "Five"}\n`)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const generate = (...args: string[]) => rxargs(['generate', input, ...pair, '--max-new-tokens', '4', ...args])
const ids = ['a', 'in.jsonl:2', 'in.jsonl:3', 'in.jsonl:4', 'in.jsonl:6', 'in.jsonl:7']

describe('rxargs generate', () => {
  it('writes one JSONL row a prompt to stdout, and errors with file and line', async () => {
    const { code, stdout, stderr } = await generate()
    const rows = jsonl(stdout).sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1))
    expect(rows.map(({ id }) => id)).toEqual(ids)
    expect(rows.map(({ error }) => error)).toEqual([
      null,
      null,
      expect.stringContaining('`a` again in in.jsonl:3'),
      `${input}:4: Expected \`prompt\` to be text that is not empty, got \`3\` (number)`,
      `${input}:6:2: Expected a JSON object, got \`not json\``,
      null,
    ])
    expect(rows[0]).toMatchObject({ sample: 0, prompt: 'One', finish_reason: expect.stringMatching(/stop|length/), seed: 0 })
    expect(stderr).toContain('3 of 6 rows are error rows:\n')
    expect(code).toBe(0)
  })

  it('writes Parquet, prints a table, and decodes nothing once all is done', async () => {
    const first = await generate('-o', out, '--samples', '2')
    expect(first).toMatchObject({ code: 0 })
    expect(first.stdout).toMatch(/^prompt +completion +reward *\n─+ {2}─+ {2}─+\n/)
    expect(first.stdout).toContain('error: ')
    expect(first.stderr).toMatch(/12 rows in \d files? in /)
    const rows = await query(`select id, sample from '${out}/*.parquet' order by id, sample`)
    expect(rows).toEqual(ids.flatMap((id) => [0, 1].map((sample) => ({ id, sample }))))
    const before = await readdir(out)
    const again = await generate('-o', out, '--samples', '2')
    expect(again.stderr).toContain('Nothing to do')
    expect(again.stdout).toBe(first.stdout)
    expect(await readdir(out)).toEqual(before)
  })

  it('gives the same rows at any concurrency, and with a sampling decoder', async () => {
    const tokens = async (concurrency: string) => {
      const { stdout } = await generate(
        '--decoder',
        'args-stochastic',
        '--samples',
        '3',
        '--seed',
        '5',
        '--concurrency',
        concurrency,
      )
      return new Set(jsonl(stdout).map(({ id, sample, token_ids: ids, reward }) => JSON.stringify([id, sample, ids, reward])))
    }
    const alone = await tokens('1')
    expect(alone.size).toBe(18)
    expect(await tokens('8')).toEqual(alone)
  })

  it('refuses a folder with other options, and replaces it with --force', async () => {
    await generate('-o', out)
    const other = await generate('-o', out, '--weight', '2')
    expect(other.code).toBe(1)
    expect(other.stderr).toMatch(/rxargs: .* holds rows made with .*weight` 1\.5, but this run has 2\. .*--force/)
    expect((await generate('-o', out, '--weight', '2', '--force')).code).toBe(0)
    expect((await query(`select count(*)::int n from '${out}/*.parquet'`))[0]).toEqual({ n: 6 })
  })

  it('retries error rows on request', async () => {
    await generate('-o', out)
    await writeFile(input, `${JSON.stringify({ id: 'a', prompt: 'One' })}\n\n\n${JSON.stringify({ prompt: 'Four' })}\n`)
    const { stderr } = await generate('-o', out, '--retry-errors')
    expect(stderr).toContain('1 row in 1 file')
    const rows = await query(`select id, error is null ok from '${out}/*.parquet' order by id`)
    expect(rows.map(({ id }) => id)).toEqual(ids)
    expect(rows.map(({ ok }) => ok)).toEqual([true, true, false, true, false, true])
  })

  it('exits with 1 if all rows are error rows', async () => {
    const { code, stdout, stderr } = await rxargs(['generate', ...pair], '{"prompt":""}\n')
    expect(jsonl(stdout)).toMatchObject([{ id: 'stdin:1', finish_reason: 'error' }])
    expect(stderr).toContain('Every row is an error row')
    expect(code).toBe(1)
  })

  it('applies templates, stops, limits, traces and kept input', async () => {
    const { stdout } = await generate('--template', 'hh', '--limit', '1', '--trace', '--keep-input')
    const [row] = jsonl(stdout)
    expect(row).toMatchObject({ id: 'a', prompt: '\n\nHuman: One\n\nAssistant:', input: { id: 'a', prompt: 'One' } })
    const steps = (row!.token_ids as number[]).length
    expect((row!.candidate_ids as number[][]).map(({ length }) => length)).toEqual(Array(steps).fill(10))
    const { stdout: one } = await generate('--limit', '1', '--decoder', 'greedy')
    const completion = jsonl(one)[0]!.completion as string
    const { stdout: cut } = await generate('--limit', '1', '--decoder', 'greedy', '--stop', completion.slice(1, 2))
    expect(jsonl(cut)[0]!.completion).toBe(completion.slice(0, completion.indexOf(completion.slice(1, 2))))
  })

  it('prints the plan without running it', async () => {
    const { code, stdout } = await generate('-o', out, '--dry-run', '--samples', '2')
    expect(code).toBe(0)
    expect(stdout).toMatch(/input +.*: 6 prompts, 12 rows/)
    expect(stdout).toMatch(/decoder +args \(k 10, weight 1\.5\)/)
    expect(stdout).toMatch(/memory +about [\d.]+ MB at most/)
    expect(await readdir(folder)).toEqual(['in.jsonl'])
  })
})
