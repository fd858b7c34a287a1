import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { Observable } from 'rxjs'
import { describe, expect, it } from 'vitest'
import type { Row, Run } from '../../../src/core/run.js'
import { readRows } from '../../../src/io/readRows.js'
import { toParquet } from '../../../src/io/toParquet.js'
import { tempFolder } from '../../tempFolder.js'
import { query } from './duckdb.js'
import { errorRow, fakeRun, gathered, meta, row } from './fakeRun.js'

let folder: string
tempFolder((path) => {
  folder = join(path, 'out')
})

const old = (id: string, fields: Partial<Row> = {}) => row(id, { completion: 'old', promptHash: `of ${id}`, ...fields })
const changed = (id: string, fields: Partial<Row> = {}) => row(id, { completion: 'new', promptHash: 'another', ...fields })
const held = async () =>
  (await gathered(readRows(folder))).map(({ id, completion }) => `${id} ${completion}`).sort((a, b) => (a < b ? -1 : 1))

describe('toParquet into a folder whose rows were made of other prompts', () => {
  it('skips the rows whose prompt is the same', async () => {
    await toParquet(folder, fakeRun([old('a'), old('b')]))
    expect(await toParquet(folder, fakeRun([old('a'), old('b'), old('c')]))).toMatchObject({ written: 1, skipped: 2 })
  })

  it('refuses, names the rows, and starts no later one', async () => {
    await toParquet(folder, fakeRun([old('a'), old('b'), old('c', { sample: 1 })]))
    const run = fakeRun([old('a'), changed('b'), old('new'), changed('c', { sample: 1 })])
    await expect(toParquet(folder, run)).rejects.toThrow(
      `${folder} holds 2 rows made from another prompt or other settings: \`b\`, \`c\` (sample 1). Use another folder, --redo-changed`,
    )
    expect(await held()).toEqual(['a old', 'b old', 'c old'])
  })

  it('names five rows, and counts the others', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => `r${index}`)
    await toParquet(folder, fakeRun(ids.map((id) => old(id))))
    await expect(toParquet(folder, fakeRun(ids.map((id) => changed(id))))).rejects.toThrow(
      /holds 40 rows made .*: `r0`, `r1`, `r2`, `r3`, `r4` and 35 more\. Use another folder/,
    )
  })

  it('does not wait for the end of an endless input', async () => {
    await toParquet(folder, fakeRun([old('a')]))
    let isClosed = false
    const endless: Run = {
      ...fakeRun([]),
      deliveries: ({ done } = {}) =>
        new Observable(() => {
          done?.(changed('a'))
          return () => {
            isClosed = true
          }
        }),
    }
    await expect(toParquet(folder, endless)).rejects.toThrow('holds a row made from another prompt')
    expect(isClosed).toBe(true)
  })

  it('replaces each of them with redoChanged', async () => {
    const policy = () => ({ rows: 2, milliseconds: 1000 })
    await toParquet(folder, fakeRun([old('a'), old('b'), old('c'), errorRow('d')]), { policy })
    const run = fakeRun([changed('a'), old('b'), changed('c'), errorRow('d')])
    expect(await toParquet(folder, run, { redoChanged: true })).toMatchObject({ written: 2, skipped: 2 })
    expect(await held()).toEqual(['a new', 'b old', 'c new', 'd null'])
    expect(await toParquet(folder, run)).toMatchObject({ written: 0, skipped: 4 })
  })

  it('retries error rows with any prompt, and still refuses the others', async () => {
    await toParquet(folder, fakeRun([errorRow('a'), old('b')]))
    await expect(toParquet(folder, fakeRun([changed('a')]))).rejects.toThrow('holds a row made from another prompt')
    await expect(toParquet(folder, fakeRun([changed('b'), changed('a')]), { retryErrors: true })).rejects.toThrow('`b`. Use')
    expect(await toParquet(folder, fakeRun([changed('a'), old('b')]), { retryErrors: true })).toMatchObject({ written: 1 })
    expect(await held()).toEqual(['a new', 'b old'])
  })

  it('replaces all with force', async () => {
    await toParquet(folder, fakeRun([old('a'), old('b')]))
    await toParquet(folder, fakeRun([changed('a')]), { force: true })
    expect(await held()).toEqual(['a new'])
  })

  it('refuses rows of 0.1.0, which have no hash, unless they are replaced', async () => {
    await toParquet(folder, fakeRun([old('a'), old('b')]))
    const part = join(folder, 'part-00000.parquet')
    const plain = join(folder, '..', 'plain.parquet')
    const run = JSON.stringify(meta()).replaceAll("'", "''")
    await query(
      `copy (select * exclude prompt_hash from '${part}') to '${plain}' (format parquet, kv_metadata {'rxargs.run': '${run}'})`,
    )
    await rename(plain, part)
    await expect(toParquet(folder, fakeRun([old('a'), old('b')]))).rejects.toThrow(
      'holds 2 rows that an earlier version wrote without a hash of the prompt, so a changed prompt would go unnoticed: `a`, `b`',
    )
    await toParquet(folder, fakeRun([changed('a'), old('b')]), { redoChanged: true })
    expect(await held()).toEqual(['a new', 'b old'])
  })
})

describe('toParquet with functions that have no version', () => {
  const runMeta = { ...meta(), missingVersions: ['reward `brief`'] }

  it('writes, but does not resume', async () => {
    await toParquet(folder, fakeRun([old('a')], { runMeta }))
    const again = () => toParquet(folder, fakeRun([old('a'), old('b')], { runMeta }))
    await expect(again()).rejects.toThrow(
      /no version or hash shows that this run would make the same ones: reward `brief`\. Use another folder/,
    )
    await toParquet(folder, fakeRun([old('b')], { runMeta }), { force: true })
    expect(await held()).toEqual(['b old'])
  })
})
