import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { mergeRuns } from '../../../../src/io/mergeRuns.js'
import { addNumberedPart, addPart } from '../../../../src/io/parquet/partFiles.js'
import { readColumns } from '../../../../src/io/readRows.js'
import { openS3 } from '../../../../src/io/sources/s3Client.js'
import { s3Store } from '../../../../src/io/stores/s3Store.js'
import { toParquet } from '../../../../src/io/toParquet.js'
import { verifyRun } from '../../../../src/io/verifyRun.js'
import { tempFolder } from '../../../tempFolder.js'
import { errorRow, fakeRun, gathered, many, row } from '../fakeRun.js'
import { type ConditionalS3, conditionalS3, server, WITHOUT_SERVER } from '../sources/conditionalS3.js'
import { s3Server } from '../sources/s3Server.js'

let folder: string
tempFolder((path) => {
  folder = path
})

let made = 0
let place: string
beforeEach(() => {
  made++
  place = `s3://data/runs of å/${made}`
})
const policy = () => ({ rows: 64, milliseconds: 60_000 })
const names = async () => (await s3Store(place).list()).toSorted()
const ids = async () => (await gathered(readColumns(place, ['id']))).map(({ id }) => id)
const at = (name: string) => ({ Bucket: 'data', Key: `runs of å/${made}/${name}` })
const bytes = (text: string) => new TextEncoder().encode(text)
const fileName = (path: string) => path.split('/').at(-1)!

async function bytesOf(name: string): Promise<Buffer> {
  const { sdk, client } = await openS3()
  const { Body } = await client.send(new sdk.GetObjectCommand(at(name)))
  return Buffer.from(await Body!.transformToByteArray())
}

async function uploads(): Promise<(string | undefined)[]> {
  const { sdk, client } = await openS3()
  const { Uploads = [] } = await client.send(new sdk.ListMultipartUploadsCommand({ Bucket: 'data', Prefix: at('').Key }))
  return Uploads.map(({ Key }) => Key)
}

describe.skipIf(server === undefined)(`a run on S3${server === undefined ? ` (skipped: ${WITHOUT_SERVER})` : ''}`, () => {
  let s3: ConditionalS3
  beforeAll(async () => {
    s3 = await conditionalS3()
  })
  afterAll(() => s3?.close())

  it('has the files of a folder, byte for byte, and nothing else', async () => {
    const rows = [...many(300), errorRow('bad')]
    const there = await toParquet(`${place}/`, fakeRun(rows), { policy })
    const here = await toParquet(folder, fakeRun(rows), { policy })
    expect({ ...there, files: there.files.map(fileName) }).toEqual({ ...here, files: here.files.map(fileName) })
    expect(await names()).toEqual(here.files.map(fileName))
    for (const path of here.files) expect(await bytesOf(fileName(path))).toEqual(await readFile(path))
    expect(await uploads()).toEqual([])
  })

  it('goes on where it stopped', async () => {
    await toParquet(place, fakeRun(many(5)))
    expect(await toParquet(place, fakeRun(many(8)))).toMatchObject({ written: 3, skipped: 5 })
    expect((await ids()).toSorted()).toEqual(many(8).map(({ id }) => id))
    await expect(toParquet(place, fakeRun([row('r0', { promptHash: 'of q' })]))).rejects.toThrow(
      `${place} holds a row made from another prompt or other settings: \`r0\``,
    )
  })

  it('replaces error rows and changed rows, one at a time', async () => {
    await toParquet(place, fakeRun([...many(3), errorRow('bad')]))
    const again = [...many(3), row('bad')]
    expect(await toParquet(place, fakeRun(again), { retryErrors: true })).toMatchObject({ written: 1, skipped: 3 })
    const changed = again.map((each) => ({ ...each, promptHash: 'of q', completion: `new ${each.id}` }))
    expect(await toParquet(place, fakeRun(changed), { redoChanged: true })).toMatchObject({ written: 4 })
    const rows = await gathered(readColumns(place, ['id', 'completion']))
    expect(rows.map(({ completion }) => completion).toSorted()).toEqual(changed.map(({ completion }) => completion).toSorted())
    expect(await verifyRun([place])).toMatchObject({ rows: 4, errors: 0, problems: [], notices: [] })
    expect(await uploads()).toEqual([])
  })

  it('starts over with --force under the first number', async () => {
    await toParquet(place, fakeRun(many(40)), { policy: () => ({ rows: 9, milliseconds: 60_000 }) })
    await toParquet(place, fakeRun(many(3)), { force: true })
    expect(await names()).toEqual(['part-00000.parquet'])
    expect(await ids()).toEqual(['r0', 'r1', 'r2'])
  })

  it('keeps the old rows with --force if it fails before its first part', async () => {
    await toParquet(place, fakeRun(many(3)))
    await expect(toParquet(place, fakeRun([], { fails: new Error('worker ended') }), { force: true })).rejects.toThrow()
    expect(await ids()).toEqual(['r0', 'r1', 'r2'])
  })

  it('lets many writers put parts without loss, and each number once', async () => {
    const paths = await Promise.all(Array.from({ length: 12 }, (_, index) => addPart(s3Store(place), bytes(`${index}`))))
    expect(new Set(paths).size).toBe(12)
    for (const [index, path] of paths.entries()) expect((await bytesOf(fileName(path))).toString()).toBe(`${index}`)
    const won = await Promise.all(Array.from({ length: 8 }, (_, index) => addNumberedPart(s3Store(place), 99, bytes(`${index}`))))
    expect(won.filter(Boolean).length).toBe(1)
    expect((await bytesOf('part-00099.parquet')).toString()).toBe(`${won.indexOf(true)}`)
  })

  it('puts large parts in pieces, unseen until they are complete, and never over another part', async () => {
    const large = new Uint8Array(17 * 2 ** 20).fill(7)
    const writers = [s3Store(place, { singleBytes: 1024 }), s3Store(place, { singleBytes: 1024 })]
    const staged = await Promise.all(writers.map((store) => store.stage(large, async () => 'part-00000.parquet')))
    expect(await names()).toEqual([])
    expect((await uploads()).length).toBe(2)
    const placed = await Promise.all(staged.map(({ place: put }) => put('part-00000.parquet')))
    expect(placed.toSorted()).toEqual([false, true])
    expect(await staged[placed.indexOf(false)]!.place('part-00001.parquet')).toBe(true)
    for (const name of ['part-00000.parquet', 'part-00001.parquet']) expect(Buffer.compare(await bytesOf(name), large)).toBe(0)
    for (const { discard } of staged) await discard()
    expect(await uploads()).toEqual([])
  })

  it('names and removes the unfinished uploads of a killed run, and leaves other objects', async () => {
    await s3Store(place).stage(bytes('half'), async () => 'part-00000.parquet')
    const { sdk, client } = await openS3()
    await client.send(new sdk.CreateMultipartUploadCommand(at('foreign.bin')))
    await client.send(new sdk.PutObjectCommand({ ...at('other.parquet'), Body: 'x' }))
    const notices: string[] = []
    await toParquet(place, fakeRun(many(2)), { onNotice: (notice) => notices.push(notice) })
    expect(notices).toEqual([
      `${place}: removed the upload of part-00000.parquet, an unfinished part of a run that was killed`,
      `${place}: other.parquet is not read, because the parts of a run are named part-00000.parquet`,
    ])
    expect(await uploads()).toEqual([at('foreign.bin').Key])
    expect(await names()).toEqual(['other.parquet', 'part-00000.parquet'])
  })

  it('is verified and merged like a folder, also in shards', async () => {
    const [one, two] = [`${place}/0`, `${place}/1`]
    await toParquet(one, fakeRun(many(20)))
    await toParquet(two, fakeRun(many(40).slice(20)))
    expect(await verifyRun([one, two])).toEqual({ files: 4, rows: 40, errors: 0, problems: [], notices: [] })
    const file = join(folder, 'all.parquet')
    expect(await mergeRuns([one, `${two}/`], file)).toBe(40)
    expect((await gathered(readColumns(file))).length).toBe(40)
    const { sdk, client } = await openS3()
    const damaged = await bytesOf('0/part-00000.parquet')
    damaged[40] = damaged[40]! ^ 1
    await client.send(new sdk.PutObjectCommand({ ...at('0/part-00000.parquet'), Body: damaged }))
    expect((await verifyRun([one, two])).problems[0]).toBe(
      `${one}/part-00000.parquet is damaged: its bytes are not those that were written`,
    )
    expect((await verifyRun([`${two}/part-00000.parquet`])).rows).toBe(16)
  })

  it.each([
    ['s3://none/x', 'Expected to write into s3://none/x: there is no bucket `none` at http://127.0.0.1:'],
    ['s3:///x', 'Expected s3://BUCKET/KEY, got `s3:///x`'],
  ])('is refused before it starts: %s', async (address, message) => {
    await expect(async () => s3Store(address).check()).rejects.toThrow(message)
    await expect(async () => toParquet(address, fakeRun(many(1)))).rejects.toThrow(message)
  })

  it('leaves nothing behind when it checks a prefix', async () => {
    await s3Store(place).check()
    expect([await names(), await uploads()]).toEqual([[], []])
  })
})

describe('a server of S3 that ignores conditions', () => {
  it('is refused', async () => {
    const { close } = await s3Server()
    try {
      await expect(s3Store('s3://data/x').check()).rejects.toThrow(
        /Expected http:\/\/127.0.0.1:\d+ to keep the condition If-None-Match of a write, which it does not, so two runs could overwrite/,
      )
      expect(await s3Store('s3://data/x').list()).toEqual([])
    } finally {
      await close()
    }
  })
})
