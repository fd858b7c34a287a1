import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tap } from 'rxjs'
import { describe, expect, it } from 'vitest'
import type { RowsOptions } from '../../../src/core/run.js'
import type { PartReport } from '../../../src/io/parquet/partWriter.js'
import { readColumns } from '../../../src/io/readRows.js'
import { toParquet } from '../../../src/io/toParquet.js'
import { tempFolder } from '../../tempFolder.js'
import { query } from './duckdb.js'
import { errorRow, fakeRun, gathered, many, meta, row } from './fakeRun.js'

let folder: string
tempFolder((path) => {
  folder = join(path, 'out')
})

const ids = async () => (await gathered(readColumns(folder))).map(({ id }) => id)
const names = async () => (await readdir(folder)).sort()

describe('toParquet', () => {
  it('writes each row once, readable by DuckDB', async () => {
    const texts = [
      '',
      'a',
      'Z',
      'é',
      '😀',
      '\u0000',
      '\n\nHuman: "x"',
      '\ufeffmark',
      '\u2028',
      'x'.repeat(9_000),
      'ﬀ',
      '￿',
      '\u{10ffff}',
    ]
    const rows = many(3000, (index) => ({ prompt: `${texts[index % texts.length]}`, completion: index % 7 ? `c${index}` : null }))
    const summary = await toParquet(folder, fakeRun(rows))
    expect(summary).toMatchObject({ written: 3000, errors: 0, skipped: 0 })
    const files = `'${folder}/*.parquet'`
    expect(await query(`select count(*)::int n, count(distinct id)::int ids, count(completion)::int c from ${files}`)).toEqual([
      { n: 3000, ids: 3000, c: rows.filter(({ completion }) => completion !== null).length },
    ])
    expect(await query(`select distinct compression from parquet_metadata(${files})`)).toEqual([{ compression: 'GZIP' }])
    for (const id of ['r0', 'r1', 'r17', 'r999', 'r1000', 'r2999']) {
      const [found] = await query(`select prompt, completion from ${files} where id = '${id}'`)
      const { prompt, completion } = rows.find((each) => each.id === id)!
      expect(found).toEqual({ prompt, completion })
    }
    const back = await gathered(readColumns(folder))
    expect(new Map(back.map(({ id, prompt }) => [id, prompt]))).toEqual(new Map(rows.map(({ id, prompt }) => [id, prompt])))
  })

  it('writes the documented columns in types that DuckDB reads', async () => {
    const rows = [row('a', { seed: 2 ** 53 - 1, input: { topic: 'x', n: [1, null], big: 2n ** 60n } }), errorRow('b')]
    await toParquet(folder, fakeRun(rows))
    const types = await query(`describe select * from '${folder}/*.parquet'`)
    expect(Object.fromEntries(types.map(({ column_name: name, column_type: type }) => [name, type]))).toEqual({
      id: 'VARCHAR',
      sample: 'INTEGER',
      prompt: 'VARCHAR',
      completion: 'VARCHAR',
      prompt_token_ids: 'INTEGER[]',
      truncated_tokens: 'INTEGER',
      user_message: 'VARCHAR',
      token_ids: 'INTEGER[]',
      finish_reason: 'VARCHAR',
      error: 'VARCHAR',
      reward: 'DOUBLE',
      rewards: 'FLOAT[]',
      logits: 'FLOAT[]',
      scores: 'FLOAT[]',
      seed: 'BIGINT',
      prompt_tokens: 'INTEGER',
      completion_tokens: 'INTEGER',
      started_at: expect.stringMatching(/^TIMESTAMP/),
      duration_ms: 'BIGINT',
      prompt_hash: 'VARCHAR',
      input: 'JSON',
    })
    const [a, b] = await query(
      `select token_ids, rewards, seed, epoch_ms(started_at)::bigint started, input->>'$.topic' topic from '${folder}/*.parquet' order by id`,
    )
    expect(a).toEqual({
      token_ids: [3, 4, 5],
      rewards: [0.25, 0.5, 0.75],
      seed: '9007199254740991',
      started: '1700000000000',
      topic: 'x',
    })
    expect(b).toMatchObject({ token_ids: null, rewards: null, topic: null })
  })

  it('keeps lists of lists, empty lists and lists of nulls apart', async () => {
    const step = (count: number) => ({
      tokenIds: Int32Array.from({ length: count }, (_, index) => index),
      logits: new Float32Array(count).fill(1.5),
      rewards: new Float32Array(count).fill(Number.NaN),
      scores: new Float32Array(count).fill(2.5),
    })
    const rows = [
      row('full', { trace: [step(3), step(1)] }),
      row('empty', { trace: [], tokenIds: [], rewards: [] }),
      row('hole', { trace: [step(0), step(2)] }),
      row('null', { rewards: null }),
    ]
    await toParquet(folder, fakeRun(rows))
    const found = await query(
      `select id, token_ids, rewards, candidate_ids, candidate_rewards, candidate_scores from '${folder}/*.parquet'`,
    )
    expect(found).toEqual([
      {
        id: 'full',
        token_ids: [3, 4, 5],
        rewards: [0.25, 0.5, 0.75],
        candidate_ids: [[0, 1, 2], [0]],
        candidate_rewards: [[null, null, null], [null]],
        candidate_scores: [[2.5, 2.5, 2.5], [2.5]],
      },
      { id: 'empty', token_ids: [], rewards: [], candidate_ids: [], candidate_rewards: [], candidate_scores: [] },
      {
        id: 'hole',
        token_ids: [3, 4, 5],
        rewards: [0.25, 0.5, 0.75],
        candidate_ids: [[], [0, 1]],
        candidate_rewards: [[], [null, null]],
        candidate_scores: [[], [2.5, 2.5]],
      },
      { id: 'null', token_ids: [3, 4, 5], rewards: null, candidate_ids: null, candidate_rewards: null, candidate_scores: null },
    ])
    const [full, empty, hole] = await gathered(readColumns(folder))
    expect([full!.candidate_ids, empty!.candidate_ids, hole!.candidate_ids]).toEqual([[[0, 1, 2], [0]], [], [[], [0, 1]]])
  })

  it('has the trace columns in each part of a traced run, also without a traced row', async () => {
    await toParquet(folder, fakeRun([errorRow('a')], { runMeta: meta({ trace: true }) }))
    expect(await query(`select candidate_ids from '${folder}/*.parquet'`)).toEqual([{ candidate_ids: null }])
  })

  it('writes null for a reward that is not finite', async () => {
    const rows = [Number.NaN, Number.POSITIVE_INFINITY, -0.25].map((reward, index) =>
      row(`${index}`, { reward, rewards: [reward] }),
    )
    await toParquet(folder, fakeRun(rows))
    expect((await gathered(readColumns(folder))).map(({ reward, rewards }) => [reward, rewards])).toEqual([
      [null, [null]],
      [null, [null]],
      [-0.25, [-0.25]],
    ])
  })

  it("stores the run's metadata in every part", async () => {
    await toParquet(folder, fakeRun(many(40)))
    const found = await query(
      `select decode(value) v from parquet_kv_metadata('${folder}/*.parquet') where decode(key) = 'rxargs.run'`,
    )
    expect(found.length).toBe((await names()).length)
    for (const { v } of found) expect(JSON.parse(v as string)).toEqual(meta())
  })

  it('writes a first part early, later ones larger, and none without rows', async () => {
    await toParquet(folder, fakeRun(many(200)))
    const counts = await query(
      `select filename, count(*)::int n from read_parquet('${folder}/*.parquet', filename = true) group by 1 order by 1`,
    )
    expect(counts[0]!.n).toBeLessThanOrEqual(20)
    expect(counts.length).toBeLessThan(6)
    const empty = join(folder, 'empty')
    expect(await toParquet(empty, fakeRun([]))).toEqual({ written: 0, errors: 0, skipped: 0, skippedErrors: 0, files: [] })
    expect(await readdir(empty)).toEqual([])
  })

  it('writes a part after its time limit while the run goes on', async () => {
    const stop = new AbortController()
    const done = toParquet(folder, fakeRun(many(3), { hangs: () => undefined }), {
      signal: stop.signal,
      policy: () => ({ rows: 99, milliseconds: 5 }),
    })
    while ((await names().catch(() => [])).filter((name) => name.startsWith('part-')).length === 0)
      await new Promise(setImmediate)
    stop.abort(new Error('enough'))
    await expect(done).rejects.toThrow('enough')
    expect(await ids()).toEqual(['r0', 'r1', 'r2'])
  })

  it('leaves no new folder if a run fails before its first row', async () => {
    const failing = () => toParquet(folder, fakeRun([], { fails: new Error('worker ended') }))
    await expect(failing()).rejects.toThrow('worker ended')
    expect(existsSync(folder)).toBe(false)
    await mkdir(folder)
    await expect(failing()).rejects.toThrow('worker ended')
    expect(await names()).toEqual([])
  })

  it('takes no rows while a part is being written and the next is full', async () => {
    const run = fakeRun(many(400), { open: 8 })
    let [given, written, kept] = [0, 0, 0]
    const counted = { ...run, deliveries: (options?: RowsOptions) => run.deliveries(options).pipe(tap(() => given++)) }
    const onPart = ({ rows }: PartReport) => {
      kept = Math.max(kept, given - written)
      written += rows
    }
    await toParquet(folder, counted, { policy: () => ({ rows: 2, milliseconds: 1000 }), onPart })
    expect(run.most()).toBe(8)
    // A part that is being written, one that fills, and the rows without a receipt.
    expect(kept).toBeLessThanOrEqual(2 + 2 + 8)
    expect((await ids()).length).toBe(400)
    expect(await names()).toHaveLength(200)
  })

  it('resumes', async () => {
    await toParquet(folder, fakeRun(many(5)))
    const again = await toParquet(folder, fakeRun(many(8)))
    expect(again).toMatchObject({ written: 3, skipped: 5 })
    expect(await ids()).toEqual(many(8).map(({ id }) => id))
    const all = await toParquet(folder, fakeRun(many(8)))
    expect(all).toEqual({ written: 0, errors: 0, skipped: 8, skippedErrors: 0, files: [] })
  })

  it('writes finished rows on abort', async () => {
    const stop = new AbortController()
    const hangs = () => stop.abort(new Error('interrupted'))
    const done = toParquet(folder, fakeRun(many(3), { hangs }), { signal: stop.signal })
    await expect(done).rejects.toThrow('interrupted')
    expect(await names()).toEqual(['part-00000.parquet'])
    await expect(toParquet(folder, fakeRun(many(5)), { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow(
      'before',
    )
    expect((await toParquet(folder, fakeRun(many(5)))).skipped).toBe(3)
  })

  it('writes finished rows if the run fails', async () => {
    await expect(toParquet(folder, fakeRun(many(3), { fails: new Error('worker ended') }))).rejects.toThrow('worker ended')
    expect(await ids()).toEqual(['r0', 'r1', 'r2'])
  })

  it('fails if the folder is not writable', async () => {
    await writeFile(join(folder, '..', 'file'), '')
    await expect(toParquet(join(folder, '..', 'file'), fakeRun(many(1)))).rejects.toThrow(
      /Expected to make the folder .*file: a file of that name is there/,
    )
    const done = toParquet(folder, fakeRun(many(200)), { policy: () => ({ rows: 1, milliseconds: 1 }) })
    done.catch(() => undefined) // It may fail before it is asked.
    while (!(await names().catch((): string[] => [])).includes('part-00000.parquet')) await new Promise(setImmediate)
    await rename(folder, `${folder}-moved`) // At once: removing file by file is a race against the writer.
    await expect(done).rejects.toThrow(/Expected to (write|place) a part file/)
  })
})
