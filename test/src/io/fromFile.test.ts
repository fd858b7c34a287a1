import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { countRows } from '../../../src/io/countRows.js'
import { fromFile } from '../../../src/io/fromFile.js'
import { tempFolder } from '../../tempFolder.js'
import { query } from './duckdb.js'
import { gathered } from './fakeRun.js'

let folder: string
tempFolder((path) => {
  folder = path
})

const file = async (name: string, content: string | Uint8Array): Promise<string> => {
  await writeFile(join(folder, name), content)
  return join(folder, name)
}

describe('fromFile', () => {
  it('reads JSONL, skips blank lines, and makes errors of bad ones with file and line', async () => {
    const path = await file(
      'a.jsonl',
      '\ufeff{"prompt":"one"}\r\n\n  \n{"prompt":"t\u2028wo","id":"b"}\n[1]\nnot json\n"text"\n{"prompt":"last"}',
    )
    const prompts = await gathered(fromFile(path))
    expect(prompts.map(({ id, content }) => [id, content?.text])).toEqual([
      ['a.jsonl:1', 'one'],
      ['b', 't\u2028wo'],
      ['a.jsonl:5', undefined],
      ['a.jsonl:6', undefined],
      ['a.jsonl:7', undefined],
      ['a.jsonl:8', 'last'],
    ])
    expect(prompts[1]!.place).toBe('a.jsonl:4')
    expect(prompts[2]!.error).toBe(`${path}:5: Expected a JSON object, got \`[1]\``)
    expect(await countRows(path)).toBe(6)
  })

  it('reads invalid UTF-8 as an error row', async () => {
    const path = await file(
      'a.jsonl',
      Buffer.concat([Buffer.from('{"prompt":"'), Buffer.of(0xff), Buffer.from('"}\n{"prompt":"b"}\n')]),
    )
    const prompts = await gathered(fromFile(path))
    expect(prompts.map(({ error }) => error)).toEqual([`${path}:1: Expected a line of UTF-8`, undefined])
  })

  it('reads standard input', async () => {
    async function* stdin() {
      yield Buffer.from('{"prompt":"a"}\n{"pro')
      yield Buffer.from('mpt":"b"}\n5\n')
    }
    const prompts = await gathered(fromFile('-', { stdin: stdin() }))
    expect(prompts.map(({ id, error }) => error ?? id)).toEqual([
      'stdin:1',
      'stdin:2',
      'stdin:3: Expected a JSON object, got `5`',
    ])
  })

  it('reads on demand, not ahead', async () => {
    let read = 0
    async function* stdin() {
      for (; read < 1e6; read++) yield Buffer.from('{"prompt":"a"}\n')
    }
    const prompts = fromFile('-', { stdin: stdin() })
    for (let count = 0; count < 5; count++) await prompts.next()
    await prompts.return(undefined)
    expect(read).toBeLessThan(7)
  })

  it.each(['snappy', 'gzip', 'zstd', 'uncompressed', 'brotli', 'lz4_raw'])('reads Parquet compressed by %s', async (codec) => {
    const path = join(folder, 'hh.parquet')
    await query(
      `copy (select 'p' || i as question, case when i % 2 = 0 then i end as id, ['.', 'x'] as stop, i as other from range(5000) t(i))
       to '${path}' (format parquet, compression ${codec}, row_group_size 2048)`,
    )
    const prompts = await gathered(fromFile(path, { promptColumn: 'question' }))
    expect(prompts.length).toBe(5000)
    expect(prompts[4000]).toEqual({ id: '4000', place: 'hh.parquet:4001', content: { text: 'p4000' }, stop: ['.', 'x'] })
    expect(prompts[4001]!.id).toBe('hh.parquet:4002')
    expect(await countRows(path)).toBe(5000)
  })

  it('reads messages out of Parquet, and Parquet by its first bytes', async () => {
    const path = join(folder, 'chat.data')
    await query(`copy (select [{'role': 'user', 'content': 'Hi'}] as messages) to '${path}' (format parquet)`)
    const [prompt] = await gathered(fromFile(path))
    expect(prompt!.content).toEqual({ messages: [{ role: 'user', content: 'Hi' }] })
  })

  it('keeps a byte order mark in Parquet text, and refuses bytes that are no text', async () => {
    const path = join(folder, 'mark.parquet')
    await query(`copy (select chr(65279) || 'a' as prompt, null::int as id) to '${path}' (format parquet)`)
    expect((await gathered(fromFile(path)))[0]!.content).toEqual({ text: '\ufeffa' })
    const blob = join(folder, 'blob.parquet')
    await query(`copy (select '\\xFF'::blob as prompt) to '${blob}' (format parquet)`)
    expect((await gathered(fromFile(blob)))[0]!.error).toContain('got bytes that are not UTF-8')
  })

  it('names the columns of a Parquet file without prompts', async () => {
    const path = join(folder, 'none.parquet')
    await query(`copy (select i as other, i as topic from range(3) t(i)) to '${path}' (format parquet)`)
    await expect(gathered(fromFile(path))).rejects.toThrow(
      `Expected ${path} to have a column \`prompt\` or \`messages\`, found other, topic`,
    )
  })

  it('passes all columns on with keepInput', async () => {
    const path = join(folder, 'more.parquet')
    await query(`copy (select 'x' as prompt, 7::bigint as topic, [1.5] as list) to '${path}' (format parquet)`)
    expect((await gathered(fromFile(path, { keepInput: true })))[0]!.input).toEqual({ prompt: 'x', topic: 7, list: [1.5] })
  })

  it('fails for a missing or damaged file', async () => {
    await expect(gathered(fromFile(join(folder, 'none.jsonl')))).rejects.toThrow(
      /Expected an input file at .*, found nothing there/,
    )
    const broken = await file('broken.parquet', 'PAR1 and no footer')
    await expect(gathered(fromFile(broken))).rejects.toThrow(/Expected .*broken\.parquet to be a complete Parquet file/)
  })
})
