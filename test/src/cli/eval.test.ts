import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cosine } from '../../../src/core/math.js'
import { toParquet } from '../../../src/io/toParquet.js'
import { evalGolden } from '../eval/eval.js'
import { query } from '../io/duckdb.js'
import { fakeRun, row } from '../io/fakeRun.js'
import { jsonl, lm, pair, reward, root, rxargs } from './rxargs.js'

type EncoderCase = Readonly<{ first: string; second: string | null; mean: number[]; pooler: number[] }>

let folder: string
let runs: [string, string]
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-eval-'))
  runs = [join(folder, 'sampled'), join(folder, 'args')]
  const prompts = (ids: string) => [...ids].map((id) => `{"id":"${id}","prompt":"Say ${id}"}\n`).join('')
  const settings = [...pair, '--max-new-tokens', '9', '--samples', '2']
  await rxargs(['generate', '-', ...settings, '--decoder', 'top-k', '-o', runs[0]], `${prompts('abcde')}{"id":"bad"}\n`)
  await rxargs(['generate', '-', ...settings, '-o', runs[1]], prompts('bcdef'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The means that DuckDB computes from a run's files. */
const meansOf = async (run: string) => {
  const [means] = await query(
    `select avg(reward) reward, avg(len(token_ids)) length, avg((finish_reason = 'stop')::int) stopped, count(*) as rows
     from '${run}/*.parquet' where finish_reason <> 'error'`,
  )
  return means!
}

describe('rxargs eval', () => {
  it('gives the means that DuckDB computes, and the mean difference over common rows', async () => {
    const { code, stdout, stderr } = await rxargs(['eval', ...runs, '--json'])
    expect(code).toBe(0)
    const { runs: figures, pairs } = JSON.parse(stdout)
    for (const [index, run] of runs.entries()) {
      const means = await meansOf(run)
      expect(figures[index].name).toBe(run)
      expect(figures[index].rows).toBe(Number(means.rows))
      for (const metric of ['reward', 'length', 'stopped']) expect(figures[index][metric]).toBeCloseTo(Number(means[metric]), 9)
    }
    expect(figures.map(({ errors }: { errors: number }) => errors)).toEqual([2, 0])
    const [shared] = await query(
      `select avg(b.reward - a.reward) reward, count(*) filter (b.reward > a.reward) win, count(*) as rows
       from '${runs[0]}/*.parquet' a join '${runs[1]}/*.parquet' b using (id, sample)`,
    )
    expect(pairs).toHaveLength(1)
    expect(pairs[0]).toMatchObject({ name: runs[1], against: runs[0], rows: 8, only_here: 2, only_there: 2 })
    const { value, low, high } = pairs[0].differences.reward
    expect(value).toBeCloseTo(Number(shared!.reward), 9)
    expect(low).toBeLessThan(value)
    expect(high).toBeGreaterThan(value)
    expect(pairs[0].outcomes.reward.win).toBe(Number(shared!.win))
    expect(stderr).toBe(
      `${runs[0]}: leaves out 2 error rows\n${runs[1]} and ${runs[0]} share 8 rows; 2 more of ${runs[1]} and 2 of ${runs[0]} are not compared\n`,
    )
  })

  it('prints text and Markdown tables, and CSV that DuckDB reads', async () => {
    const text = await rxargs(['eval', `${runs[0]}/`, runs[1]])
    expect(text.stdout).toMatch(/^run +rows +reward +diversity +length +stopped +coherence +errors\n─/)
    expect(text.stdout).toMatch(/^minus .*sampled +shared +reward .* win \/ tie \/ lose by reward$/m)
    const md = await rxargs(['eval', ...runs, '--format', 'md'])
    expect(md.stdout).toMatch(/^\| run \| rows \| reward \|.*\n\| --- \| ---: \|/)
    const path = join(folder, 'figures.csv')
    const csv = await rxargs(['eval', ...runs, '--format', 'csv'])
    await writeFile(path, csv.stdout)
    const rows = await query(`select * from read_csv('${path}')`)
    expect(rows.map(({ run }) => run)).toEqual(runs)
    expect(Number(rows[0]!.reward)).toBeCloseTo(Number((await meansOf(runs[0])).reward), 9)
    expect(Number(rows[1]!.reward) - Number(rows[0]!.reward)).not.toBe(0)
    expect(rows[0]!.reward_difference).toBeNull()
    expect(Number(rows[1]!.shared)).toBe(8)
  })

  it('scores with other reward models as rxargs score does', async () => {
    const { stdout } = await rxargs(['eval', runs[1], '--reward-model', `again=${reward}`, '--reward-model', reward, '--json'])
    const [figures] = JSON.parse(stdout).runs
    const rewards = jsonl((await rxargs(['score', runs[1], '--reward', reward])).stdout).map((row) => row.reward as number)
    expect(rewards).toHaveLength(10)
    expect(figures['reward:again']).toBeCloseTo(rewards.reduce((sum, each) => sum + each, 0) / 10, 4)
    expect(figures['reward:reward']).toBe(figures['reward:again'])
  })

  it('has the further rewards of runs', async () => {
    const out = join(folder, 'several')
    const two = ['--lm', lm, '--reward', reward, '--reward', `twin=${reward}`]
    await rxargs(['generate', '-', ...two, '--max-new-tokens', '3', '-o', out], '{"prompt":"Say"}\n{"prompt":"Tell"}\n')
    const { stdout } = await rxargs(['eval', out, '--json'])
    const [figures] = JSON.parse(stdout).runs
    expect(Number.isFinite(figures.reward)).toBe(true)
    expect(figures.reward_twin).toBe(figures.reward)
  })

  it('gives the perplexity of transformers', async () => {
    const out = join(folder, 'fixed')
    const { replies, value } = evalGolden.perplexity
    const rows = replies.map(({ prompt, promptTokenIds, tokenIds }, index) =>
      row(`r${index}`, { prompt, promptTokenIds, tokenIds }),
    )
    await toParquet(out, fakeRun(rows))
    const { stdout } = await rxargs(['eval', out, '--lm', lm, '--json'])
    expect(JSON.parse(stdout).runs[0].perplexity / value).toBeCloseTo(1, 4)
  })

  it("measures coherence as the cosine of transformers' embeddings of prompt and completion", async () => {
    const golden = `${root}data/golden/encoders/bert`
    const { cases } = JSON.parse(await readFile(join(golden, 'golden.json'), 'utf8')) as { cases: EncoderCase[] }
    const [one, two] = cases.filter(({ second }) => second === null)
    const out = join(folder, 'coherent')
    const [prompt, completion] = [one!.first, two!.first]
    await toParquet(out, fakeRun([row('a', { prompt, completion: prompt }), row('b', { prompt, completion })]))
    for (const pooling of ['mean', 'pooler'] as const) {
      const { stdout } = await rxargs(['eval', out, '--encoder', golden, '--pooling', pooling, '--json'])
      expect(JSON.parse(stdout).runs[0].coherence).toBeCloseTo((1 + cosine(one![pooling], two![pooling])) / 2, 4)
    }
  })

  it('measures coherence by the embedded encoder by default', async () => {
    const coherence = async (...flags: string[]) =>
      JSON.parse((await rxargs(['eval', runs[1], ...flags, '--json'])).stdout).runs[0].coherence as number | undefined
    expect(await coherence()).toBe(await coherence('--encoder', `${root}data/models/encoder`))
    expect(await coherence()).toBeLessThanOrEqual(1)
    expect(await coherence('--no-encoder')).toBeUndefined()
  })

  it.each([
    [['eval', 'x', '--pooling', 'cls'], 2, 'Expected `--encoder` beside `--pooling`, got none'],
    [['eval', 'x', '--no-encoder', '--pooling', 'cls'], 2, 'Expected `--encoder` beside `--pooling`, got none'],
    [['eval'], 2, "missing required argument 'runs'"],
    [['eval', 'nowhere'], 1, 'found nothing there'],
    [['eval', 'x', '--format', 'html'], 2, 'Expected `--format` to be one of text, md, csv, got `html`'],
    [['eval', 'x', '--reward-model', 'a=x', '--reward-model', 'a=y'], 2, 'to have a name of its own, got `a` twice'],
    [['eval', 'x', '--reward-model', 'a='], 2, 'Expected `--reward-model` to be [NAME=]PATH, got `a=`'],
  ])('%j is refused in one line', async (args, code, message) => {
    const refused = await rxargs(args)
    expect(refused).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) })
    expect(refused.stderr.match(/\n/g)).toHaveLength(1)
  })

  it('refuses files without a run', async () => {
    const path = join(folder, 'other.parquet')
    await query(`copy (select 1 as id, 'x' as prompt) to '${path}' (format parquet)`)
    expect(await rxargs(['eval', path])).toMatchObject({ code: 1, stderr: expect.stringContaining('to hold the rows of a run') })
  })
})
