import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addPart, listParts } from '../../../../src/io/parquet/partFiles.js'
import { mergeRuns } from '../../../../src/io/mergeRuns.js'
import { readColumns } from '../../../../src/io/readRows.js'
import { openS3 } from '../../../../src/io/sources/s3Client.js'
import { lockS3 } from '../../../../src/io/stores/s3Lock.js'
import { s3Store } from '../../../../src/io/stores/s3Store.js'
import { toParquet } from '../../../../src/io/toParquet.js'
import { verifyRun } from '../../../../src/io/verifyRun.js'
import { tempFolder } from '../../../tempFolder.js'
import { query } from '../duckdb.js'
import { errorRow, fakeRun, gathered, many, meta, row } from '../fakeRun.js'
import { type ConditionalS3, conditionalS3, server, WITHOUT_SERVER } from '../sources/conditionalS3.js'
import { s3Server } from '../sources/s3Server.js'

let folder: string
tempFolder((path) => {
  folder = path
})

let place: string
let made = 0
const fresh = () => {
  made++
  place = `s3://data/runs/${made}`
}
const names = async (at = place) => (await s3Store(at).list()).toSorted()
const bytes = (text: string) => new TextEncoder().encode(text)
const key = (name: string) => ({ Bucket: 'data', Key: `runs/${made}/${name}` })

describe.skipIf(server === undefined)(`a run on S3${server === undefined ? ` (${WITHOUT_SERVER})` : ''}`, () => {
  let s3: ConditionalS3
  beforeAll(async () => {
    s3 = await conditionalS3()
  })
  afterAll(() => s3?.close())

  it('has the same files as a folder: names, rows and metadata', async () => {
    fresh()
    const rows = [...many(300), errorRow('bad')]
    const policy = () => ({ rows: 64, milliseconds: 60_000 })
    const there = await toParquet(`${place}/`, fakeRun(rows), { policy })
    const here = await toParquet(folder, fakeRun(rows), { policy })
    expect(there.files.map((path) => path.split('/').at(-1))).toEqual(here.files.map((path) => path.split('/').at(-1)))
    expect(await names()).toEqual((await s3Store(folder.replace(/^/, 's3://data/none')).list()).concat(await names()))
    expect(await gathered(readColumns(place))).toEqual(await gathered(readColumns(folder)))
    const { sdk, client } = await openS3()
    for (const path of here.files) {
      const name = path.split('/').at(-1)!
      const { Body } = await client.send(new sdk.GetObjectCommand(key(name)))
      const [{ same } = { same: 0 }] = await query(`select count(*)::int same from '${path}'`)
      expect((await Body!.transformToByteArray()).length).toBeGreaterThan(Number(same))
    }
  })
})
