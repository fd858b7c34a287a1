import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readRunParts } from '../../../src/io/parquet/readRunParts.js'
import { readReplies } from '../../../src/io/readReplies.js'
import { readTraces } from '../../../src/io/readTraces.js'
import { toParquet } from '../../../src/io/toParquet.js'
import { rxargs } from '../cli/rxargs.js'
import { query } from './duckdb.js'
import { fakeRun, gathered, meta, row } from './fakeRun.js'

let base: string
let folder: string
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'rxargs-parts-'))
  folder = join(base, 'out')
})
afterEach(() => rm(base, { recursive: true, force: true }))

const spec = { k: 10, weight: 1.5, decoder: { steps: [{ topK: { k: 10 } }] } }

/** A folder into which parts of another run were copied. */
async function mixed(): Promise<void> {
  const other = join(base, 'other')
  await toParquet(folder, fakeRun([row('a')], { runMeta: meta(spec) }))
  await toParquet(other, fakeRun([row('b')], { runMeta: { ...meta({ ...spec, k: 5, weight: 2 }), seed: 8 } }))
  await copyFile(join(other, 'part-00000.parquet'), join(folder, 'part-00001.parquet'))
}

async function doubled(): Promise<void> {
  await toParquet(folder, fakeRun([row('a'), row('b', { sample: 1 })]))
  await copyFile(join(folder, 'part-00000.parquet'), join(folder, 'part-00001.parquet'))
}

const MIXED =
  /out mixes rows of several runs: .*part-00000\.parquet has `k` 10, `weight` 1\.5, `seed` 7, and .*part-00001\.parquet has `k` 5, `weight` 2, `seed` 8/
const DOUBLED = /Row `a`, sample 0, is there twice: in .*part-00000\.parquet and in .*part-00001\.parquet/

const readers: [string, () => string[]][] = [
  ['eval', () => ['eval', folder]],
  ['report', () => ['report', folder, '-o', join(base, 'page.html')]],
  ['judge', () => ['judge', folder, folder, '--judge', 'rm:nowhere']],
  ['cat', () => ['cat', folder]],
  ['why', () => ['why', folder, 'a']],
]

async function refuses(args: string[], message: RegExp): Promise<void> {
  const { code, stdout, stderr } = await rxargs(args)
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(message)
}

describe('a folder with rows of two runs', () => {
  it.each(readers)('is refused by %s, with the options that differ', async (_, args) => {
    await mixed()
    await refuses(args(), MIXED)
  })

  it('is refused in the API, too', async () => {
    await mixed()
    await expect(gathered(readReplies(folder, { texts: false }))).rejects.toThrow(MIXED)
    await expect(gathered(readTraces(folder, () => true))).rejects.toThrow(MIXED)
    await expect(toParquet(folder, fakeRun([], { runMeta: meta(spec) }))).rejects.toThrow('`k` 5, but this run has 10')
  })

  it('may come from two versions, or a moved model', async () => {
    await toParquet(folder, fakeRun([row('a')]))
    const moved = { ...meta(), version: '9.9.9', models: { lm: { path: '/elsewhere', sha256: 'aa' } } }
    await toParquet(folder, fakeRun([row('b')], { runMeta: moved }))
    expect((await readRunParts(folder)).files).toHaveLength(2)
  })
})

describe('a folder with a row twice', () => {
  it.each(readers)('is refused by %s, with the key and the files', async (_, args) => {
    await doubled()
    await refuses(args(), DOUBLED)
  })

  it('is not continued, but replaced by force', async () => {
    await doubled()
    await expect(toParquet(folder, fakeRun([row('c')]))).rejects.toThrow(
      /twice: in .* and in .*\. Use another folder, or --force/,
    )
    await toParquet(folder, fakeRun([row('c')]), { force: true })
    expect((await readRunParts(folder)).files).toHaveLength(1)
  })
})

describe('files of something else', () => {
  it('are printed by cat with any ids', async () => {
    const path = join(base, 'other.parquet')
    await query(`copy (select 'a' as id from range(2)) to '${path}' (format parquet)`)
    expect((await rxargs(['cat', path])).stdout).toBe('{"id":"a"}\n{"id":"a"}\n')
  })

  it('are refused among the parts of a run', async () => {
    await toParquet(folder, fakeRun([row('a')]))
    await query(`copy (select 'b' as id) to '${folder}/part-00001.parquet' (format parquet)`)
    await expect(readRunParts(folder)).rejects.toThrow(
      /mixes files: .*part-00000\.parquet comes from a run of rxargs, .*part-00001\.parquet does not/,
    )
  })
})
