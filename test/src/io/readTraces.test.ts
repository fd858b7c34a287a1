import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Row } from '../../../src/core/run.js'
import { encodeParquet } from '../../../src/io/parquet/encodeParquet.js'
import { addPart } from '../../../src/io/parquet/partFiles.js'
import { columnsOf, recordOf } from '../../../src/io/parquet/rowColumns.js'
import { RUN_KEY } from '../../../src/io/parquet/runMeta.js'
import { readTraces } from '../../../src/io/readTraces.js'
import { folderStore } from '../../../src/io/stores/folderStore.js'
import { errorRow, gathered, meta, row } from './fakeRun.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-traces-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const traced = (id: string): Row =>
  row(id, {
    tokenIds: [3],
    otherRewards: { short: { reward: 1, rewards: [7] } },
    trace: [
      {
        tokenIds: Int32Array.of(3, 4),
        logits: Float32Array.of(2, Number.NaN),
        scores: Float32Array.of(5, 6),
        rewards: Float32Array.of(1, 2),
        otherRewards: { short: Float32Array.of(7, 8) },
      },
    ],
  })

/** A part file as runs write them. */
async function part(name: string, rows: readonly Row[], metadata: Record<string, string>): Promise<string> {
  const path = join(folder, name)
  await mkdir(path)
  const records = rows.map(recordOf)
  await addPart(folderStore(path), encodeParquet(columnsOf(new Set(records.flatMap(Object.keys))), records, metadata))
  return path
}
const run = JSON.stringify(meta({ rewards: ['safe', 'short'], trace: true }))

describe('readTraces', () => {
  it('gives the candidates of each step under the names of the rewards', async () => {
    const path = await part('named', [traced('a'), errorRow('b')], { [RUN_KEY]: run })
    const [one, two] = await gathered(readTraces(path, () => true))
    expect(one!.reply).toMatchObject({ id: 'a', sample: 0, tokenIds: [3], finishReason: 'stop' })
    expect(one!.reply.trace).toEqual([
      { tokenIds: [3, 4], logits: [2, null], scores: [5, 6], rewards: { safe: [1, 2], short: [7, 8] } },
    ])
    expect(one!.meta.spec.rewards).toEqual(['safe', 'short'])
    expect(two!.reply).toMatchObject({ id: 'b', error: 'too long', trace: null })
  })

  it('calls the filter once a row, and yields matches from any row group in order', async () => {
    const ids = Array.from({ length: 2100 }, (_, index) => `r${index}`)
    const path = await part('many', ids.map(traced), { [RUN_KEY]: run })
    const wanted = ['r0', 'r999', 'r2050', 'r2099']
    const asked: string[] = []
    const found = await gathered(
      readTraces(path, ({ id }) => {
        asked.push(id)
        return wanted.includes(id)
      }),
    )
    expect(asked).toEqual(ids)
    expect(found.map(({ reply }) => reply.id)).toEqual(wanted)
    expect(await gathered(readTraces(path, () => false))).toEqual([])
  })

  it('refuses files outside a run', async () => {
    const path = await part('foreign', [row('a')], {})
    await expect(gathered(readTraces(path, () => true))).rejects.toThrow('to be a part of a run of rxargs, found no `rxargs.run`')
  })
})
