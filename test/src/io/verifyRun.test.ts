import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mergeRuns } from '../../../src/io/mergeRuns.js'
import { checkSeal } from '../../../src/io/parquet/seal.js'
import { readColumns } from '../../../src/io/readRows.js'
import { folderStore } from '../../../src/io/stores/folderStore.js'
import { toParquet } from '../../../src/io/toParquet.js'
import { type ExpectedRow, verifyRun } from '../../../src/io/verifyRun.js'
import { query } from './duckdb.js'
import { errorRow, fakeRun, gathered, meta, row } from './fakeRun.js'

let folder: string
let one: string
let two: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-verify-'))
  one = join(folder, 'one')
  two = join(folder, 'two')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const part = (of: string) => join(of, 'part-00000.parquet')
const input = { topic: 'bread', big: 2n ** 60n, list: [1, null, { deep: true }] }
const trace = [{ tokenIds: Int32Array.of(1, 2), logits: Float32Array.of(1, 2), scores: Float32Array.of(1, 2) }]
const write = (to: string, ids: readonly string[], runMeta = meta()) =>
  toParquet(
    to,
    fakeRun(
      ids.map((id) => row(id, { input, trace })),
      { runMeta },
    ),
  )

async function* asked(ids: readonly string[], promptHash = 'of p'): AsyncGenerator<ExpectedRow> {
  for (const id of ids) yield { id, sample: 0, promptHash }
}

describe('verifyRun', () => {
  it('finds nothing wrong with the shards of a run', async () => {
    await write(one, ['a', 'c'])
    await toParquet(two, fakeRun([errorRow('b')]))
    expect(await verifyRun([one, two], () => asked(['a', 'b', 'c']))).toEqual({
      files: 2,
      rows: 3,
      errors: 1,
      problems: [],
      notices: [],
    })
  })

  it('names rows that are missing, changed or too many', async () => {
    await write(one, ['a', 'b', 'c'])
    expect((await verifyRun([one], () => asked(['a', 'd', 'e']))).problems).toEqual([
      'Missing: 2 rows: `d`, `e`',
      'Not in the input: 2 rows: `b`, `c`',
    ])
    expect((await verifyRun([one], () => asked(['a', 'b', 'c'], 'of q'))).problems).toEqual([
      'Made from another prompt or other settings of the row: 3 rows: `a`, `b`, `c`',
    ])
  })

  it('counts many of a kind, and names a few', async () => {
    await write(one, ['a'])
    const ids = Array.from({ length: 100_000 }, (_, index) => `r${index}`)
    expect((await verifyRun([one], () => asked(['a', ...ids]))).problems).toEqual([
      'Missing: 100000 rows: `r0`, `r1`, `r2`, `r3`, `r4` and 99995 more',
    ])
  })

  it('finds a row that is there twice, and rows of another run', async () => {
    await write(one, ['a'])
    await write(two, ['a'], meta({ maxNewTokens: 9 }))
    expect((await verifyRun([one, two])).problems).toEqual([
      `Rows of several runs: ${part(one)} has \`maxNewTokens\` 8, and ${part(two)} has \`maxNewTokens\` 9`,
      `There twice: 1 row: \`a\` in ${part(one)} and in ${part(two)}`,
    ])
  })

  it('finds samples that a prompt lacks, without an input', async () => {
    const runMeta = meta({ samples: 3 })
    await toParquet(one, fakeRun([row('a'), row('a', { sample: 2 })], { runMeta }))
    expect((await verifyRun([one])).problems).toEqual(['Missing: 1 row: `a` (sample 1)'])
  })

  it('finds each byte that has changed', async () => {
    await write(one, ['a', 'b'])
    const path = part(one)
    const bytes = await readFile(path)
    expect(await checkSeal(folderStore('.').file(path))).toBe('intact')
    const seal = bytes.lastIndexOf('rxargs.sha256')
    for (let at = 0; at < bytes.length; at += 97) {
      if (at >= seal && at < seal + 20) continue
      const changed = Buffer.from(bytes)
      changed[at]! ^= 4
      await writeFile(path, changed)
      expect((await verifyRun([one])).problems, `byte ${at}`).not.toEqual([])
    }
    await writeFile(path, bytes.subarray(0, bytes.length - 100))
    expect((await verifyRun([one])).problems).toEqual([`Expected ${path} to be a complete Parquet file, found no footer`])
  })

  it('says which files have no checksum, and what a killed run has left', async () => {
    await write(one, ['a'])
    const path = join(one, 'part-00001.parquet')
    await query(`copy (select 'b' as id, 0 as sample, 'stop' as finish_reason) to '${path}' (format parquet)`)
    await writeFile(join(one, '.part-x.tmp'), '')
    const { problems, notices } = await verifyRun([one])
    expect(problems).toEqual([`${path} is no part of a run: it has no \`rxargs.run\` in its metadata`])
    expect(notices).toEqual([
      `${one}: .part-x.tmp is unfinished, from a run that still writes or was killed`,
      `No checksum in 1 file: ${path}`,
    ])
  })
})

describe('mergeRuns', () => {
  it.each(['parquet', 'jsonl'])('writes all rows of all folders as %s, with their values', async (ending) => {
    await write(one, ['a', 'b'])
    await write(two, ['c'])
    const file = join(folder, `all.${ending}`)
    expect(await mergeRuns([one, two], file)).toBe(3)
    const rows = [...(await gathered(readColumns(one))), ...(await gathered(readColumns(two)))]
    if (ending === 'parquet') {
      expect(await gathered(readColumns(file))).toEqual(rows)
      expect(await checkSeal(folderStore('.').file(file))).toBe('intact')
      expect((await verifyRun([file], () => asked(['a', 'b', 'c']))).problems).toEqual([])
      const same = `select * from '${file}' except all select * from '${folder}/*/*.parquet'`
      expect(await query(same)).toEqual([])
    } else {
      const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
      expect(lines.map((line) => JSON.parse(line).id)).toEqual(['a', 'b', 'c'])
      expect(lines[0]).toContain('"big":1152921504606846976')
    }
  })

  it.each([
    ['rows that are there twice', ['a'], {}, 'There twice: 1 row: `a` in '],
    ['a file of another kind', ['b'], { file: 'all.csv' }, 'Expected a file that ends in .parquet or .jsonl'],
    ['a file that is there', ['b'], { file: 'there.jsonl' }, '--force replaces it'],
    ['a folder that is not there', ['b'], { file: 'no/all.jsonl' }, 'is not a folder'],
  ])('refuses %s, and leaves nothing', async (_, ids, { file = 'all.parquet' }: { file?: string }, message) => {
    await write(one, ['a'])
    await write(two, ids)
    await writeFile(join(folder, 'there.jsonl'), 'mine')
    await expect(mergeRuns([one, two], join(folder, file))).rejects.toThrow(message)
    expect(await readFile(join(folder, 'there.jsonl'), 'utf8')).toBe('mine')
    await expect(readFile(join(folder, 'all.parquet'))).rejects.toThrow('ENOENT')
  })

  it('replaces a file if asked to, and leaves nothing of an aborted one', async () => {
    await write(one, ['a'])
    const file = join(folder, 'all.jsonl')
    await writeFile(file, 'old')
    await expect(mergeRuns([one], file, { force: true, signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop')
    expect(await readFile(file, 'utf8')).toBe('old')
    await mergeRuns([one], file, { force: true })
    expect(await readFile(file, 'utf8')).toContain('"id":"a"')
  })
})
