import { readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
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

describe('toParquet into a folder of another run', () => {
  const other = meta({ maxNewTokens: 8, decoder: { steps: [{ topK: { k: 10 } }, { combineScore: { weight: 1.5 } }] } })
  const asked = meta({ maxNewTokens: 8, decoder: { steps: [{ topK: { k: 10 } }, { combineScore: { weight: 2 } }] } })

  it('refuses, naming the option and both values', async () => {
    await toParquet(folder, fakeRun(many(2), { runMeta: other }))
    await expect(toParquet(folder, fakeRun(many(2), { runMeta: asked }))).rejects.toThrow(
      /part-00000\.parquet holds rows made with `decoder\.steps\[1\]\.combineScore\.weight` 1\.5, but this run has 2\. Use another folder, or --force/,
    )
    await expect(toParquet(folder, fakeRun(many(2), { runMeta: { ...other, seed: 8 } }))).rejects.toThrow(
      '`seed` 7, but this run has 8',
    )
    const models = { lm: { path: '/elsewhere', sha256: 'bb' } }
    await expect(toParquet(folder, fakeRun([], { runMeta: { ...other, models } }))).rejects.toThrow(
      '`model lm` "aa", but this run has "bb"',
    )
    expect(await ids()).toEqual(['r0', 'r1'])
  })

  it('accepts another path of the same model, and another version', async () => {
    await toParquet(folder, fakeRun(many(2)))
    const moved = { ...meta(), version: '9.9.9', models: { lm: { path: '/elsewhere', sha256: 'aa' } } }
    expect((await toParquet(folder, fakeRun(many(2), { runMeta: moved }))).skipped).toBe(2)
  })

  it('starts over with force once it has a row', async () => {
    await toParquet(folder, fakeRun(many(2), { runMeta: other }))
    const failing = fakeRun([], { runMeta: asked, fails: new Error('no') })
    await expect(toParquet(folder, failing, { force: true })).rejects.toThrow('no')
    expect(await ids()).toEqual(['r0', 'r1'])
    await toParquet(folder, fakeRun([row('new')], { runMeta: asked }), { force: true })
    expect(await ids()).toEqual(['new'])
  })

  it('refuses parts of no run without force', async () => {
    await toParquet(folder, fakeRun(many(2)))
    await query(`copy (select 1 as id) to '${folder}/part-00007.parquet' (format parquet)`)
    await expect(toParquet(folder, fakeRun(many(2)))).rejects.toThrow(/part-00007\.parquet to be a part of a run/)
    await writeFile(join(folder, 'part-00008.parquet'), 'PAR1 broken')
    await expect(toParquet(folder, fakeRun(many(2)), { force: true })).resolves.toMatchObject({ written: 2 })
    expect(await ids()).toEqual(['r0', 'r1'])
  })
})

describe('toParquet with error rows', () => {
  const first = [row('a'), errorRow('b'), row('c'), errorRow('d')]

  it('keeps them without retryErrors', async () => {
    await toParquet(folder, fakeRun(first))
    expect(await toParquet(folder, fakeRun([row('b'), row('d')]))).toMatchObject({ written: 0, skipped: 2 })
  })

  it('replaces the old row by the new one, and keeps the others', async () => {
    await toParquet(folder, fakeRun(first), { policy: () => ({ rows: 2, milliseconds: 1000 }) })
    const summary = await toParquet(folder, fakeRun([row('a'), row('b')]), { retryErrors: true })
    expect(summary).toMatchObject({ written: 1, skipped: 1 })
    const rows = await gathered(readColumns(folder))
    expect(rows.map(({ id, error }) => [id, error]).sort()).toEqual([
      ['a', null],
      ['b', null],
      ['c', null],
      ['d', 'too long'],
    ])
    expect(rows.find(({ id }) => id === 'a')).toMatchObject({ token_ids: [3, 4, 5], started_at: new Date(1_700_000_000_000) })
  })

  it('removes a part without remaining rows', async () => {
    await toParquet(folder, fakeRun([errorRow('a'), errorRow('b')]))
    await toParquet(folder, fakeRun([row('a'), errorRow('b', 'again')]), { retryErrors: true })
    expect((await gathered(readColumns(folder))).map(({ id, error }) => [id, error])).toEqual([
      ['a', null],
      ['b', 'again'],
    ])
    expect(await names()).toHaveLength(1)
  })
})

describe('unfinished parts of killed runs', () => {
  it('are never read, and go with the next run, which names them, whatever the clock says', async () => {
    await toParquet(folder, fakeRun(many(1)))
    const left = ['.part-1c3e5d3a-0000-4000-8000-000000000000.tmp', '.part-3.claim']
    for (const name of left) await writeFile(join(folder, name), 'half')
    await utimes(join(folder, left[0]!), 1, 1)
    await utimes(join(folder, left[1]!), 4e9, 4e9)
    await writeFile(join(folder, '.part-of-something.txt'), 'not ours')
    const notices: string[] = []
    await toParquet(folder, fakeRun(many(2)), { onNotice: (notice) => notices.push(notice) })
    expect(notices).toEqual(left.map((name) => `${folder}: removed ${name}, an unfinished part of a run that was killed`))
    expect(await names()).toEqual(['.part-of-something.txt', 'part-00000.parquet', 'part-00001.parquet'])
    expect(await ids()).toEqual(['r0', 'r1'])
  })
})
