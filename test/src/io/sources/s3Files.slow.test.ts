import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fromFile } from '../../../../src/io/fromFile.js'
import { openS3 } from '../../../../src/io/sources/s3Client.js'
import { query } from '../duckdb.js'
import { gathered } from '../fakeRun.js'
import { s3Server } from './s3Server.js'

let close: () => Promise<void>
beforeEach(async () => {
  ;({ close } = await s3Server())
})
afterEach(() => close())

async function put(key: string, body: string | Uint8Array): Promise<void> {
  const { sdk, client } = await openS3()
  await client.send(new sdk.PutObjectCommand({ Bucket: 'data', Key: key, Body: body }))
}
const read = async (address: string) => (await gathered(fromFile(address))).map(({ id }) => id)
const lines = '{"prompt":"one"}\n{"prompt":"two"}\n'

describe('an input behind s3', () => {
  it('is one object', async () => {
    await put('in/a b+é.jsonl', gzipSync(lines))
    expect(await read('s3://data/in/a b+é.jsonl')).toEqual(['a b+é.jsonl:1', 'a b+é.jsonl:2'])
  })

  it('is Parquet, read by position', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rxargs-s3-'))
    const path = join(folder, 'x.parquet')
    await query(`copy (select range as id, 'p' || range as prompt from range(2000)) to '${path}' (format parquet)`)
    await put('x.parquet', await readFile(path))
    await rm(folder, { recursive: true })
    expect((await read('s3://data/x.parquet')).at(-1)).toBe('1999')
  })

  it('is the objects below a prefix, or those that match a glob', async () => {
    for (const name of ['in/b.jsonl', 'in/deep/a.jsonl', 'in/README.md', 'other.jsonl']) await put(name, lines)
    expect(await read('s3://data/in/')).toEqual(['b.jsonl:1', 'b.jsonl:2', 'deep/a.jsonl:1', 'deep/a.jsonl:2'])
    expect(await read('s3://data/in/*.jsonl')).toEqual(['b.jsonl:1', 'b.jsonl:2'])
    expect(await read('s3://data/*.jsonl')).toEqual(['other.jsonl:1', 'other.jsonl:2'])
    await expect(read('s3://data/*.csv')).rejects.toThrow('Expected objects that match s3://data/*.csv, found none')
    await put('in/strange.bin', 'x')
    await expect(read('s3://data/in/')).rejects.toThrow('found strange.bin among them')
  })

  it.each([
    ['s3://data/none.jsonl', 'Expected to read s3://data/none.jsonl: The specified key does not exist'],
    ['s3://none/a.jsonl', 'Expected to read s3://none/a.jsonl: '],
    ['s3://none/a/', 'Expected to list s3://none/a/: '],
    ['s3:///a', 'Expected s3://BUCKET/KEY, got `s3:///a`'],
  ])('is refused: %s', async (address, message) => {
    await expect(read(address)).rejects.toThrow(message)
  })
})
