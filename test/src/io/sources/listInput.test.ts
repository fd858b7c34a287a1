import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { countRows } from '../../../../src/io/countRows.js'
import { fromFile } from '../../../../src/io/fromFile.js'
import { checkInput } from '../../../../src/io/prompts/openInput.js'
import { query } from '../duckdb.js'
import { gathered } from '../fakeRun.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-inputs-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function file(name: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(join(folder, name)), { recursive: true })
  await writeFile(join(folder, name), content)
}
const line = (prompt: string) => `{"prompt":"${prompt}"}\n`
const read = async (input: string) => (await gathered(fromFile(input))).map(({ id, error }) => error ?? id)

describe('a folder', () => {
  it('is all its files and those of the folders in it, of any kind, in the order of their names', async () => {
    await file('b.jsonl.gz', gzipSync(line('one') + line('two')))
    await file('a.csv', 'prompt\none\n')
    await file('deep/er/c.json', '[{"prompt":"one"},{"prompt":"two"}]')
    await query(`copy (select 'one' as prompt) to '${join(folder, 'z.parquet')}' (format parquet)`)
    const ids = ['a.csv:2', 'b.jsonl.gz:1', 'b.jsonl.gz:2', 'deep/er/c.json:1', 'deep/er/c.json:2', 'z.parquet:1']
    expect(await read(folder)).toEqual(ids)
    expect(await countRows(folder, { needs: [['prompt']] })).toBe(ids.length)
  })

  it('leaves out hidden files and pages that stand beside data', async () => {
    for (const name of ['README.md', 'LICENSE', '.gitattributes', '_SUCCESS', '.cache/x.bin']) await file(name, 'text')
    await file('a.jsonl', line('one'))
    expect(await read(folder)).toEqual(['a.jsonl:1'])
  })

  it('is its part files, if a run has written it', async () => {
    const part = join(folder, 'part-00000.parquet')
    await query(`copy (select 'one' as prompt) to '${part}' (format parquet)`)
    await file('report.html', '<html>')
    expect(await read(folder)).toEqual(['part-00000.parquet:1'])
  })

  it.skipIf(process.platform === 'win32')('may hold links to files', async () => {
    await file('../linked.txt', line('one'))
    await symlink(join(folder, '../linked.txt'), join(folder, 'a.jsonl'))
    expect(await read(folder)).toEqual(['a.jsonl:1'])
    await rm(join(folder, '../linked.txt'))
  })

  it.each([
    ['a file of unknown kind', ['a.jsonl', 'notes.txt'], 'found notes.txt among them. A glob such as'],
    ['no file of data', ['notes.txt'], 'found a folder of notes.txt'],
    ['nothing', [], 'found an empty folder'],
  ])('with %s is refused', async (_, names, message) => {
    for (const name of names) await file(name, line('one'))
    await expect(read(folder)).rejects.toThrow(message)
    await expect(checkInput(folder)).rejects.toThrow(message)
  })

  it('has each of its files checked before the run', async () => {
    await file('a.jsonl', line('one'))
    await file('b.jsonl', 'PK\x03\x04 an archive')
    await expect(checkInput(folder)).rejects.toThrow(`${join(folder, 'b.jsonl')}, found a zip archive`)
  })
})

describe('a glob', () => {
  beforeEach(async () => {
    for (const name of ['a.jsonl', 'b.jsonl', 'notes.txt', 'deep/a.jsonl', 'deep/er/a.jsonl']) await file(name, line('one'))
  })

  it.each([
    ['*.jsonl', ['a.jsonl:1', 'b.jsonl:1']],
    ['?.txt', undefined],
    ['{a,notes}.{jsonl,txt}', ['a.jsonl:1', 'notes.txt:1']],
    ['[b-z].jsonl', ['b.jsonl:1']],
    ['**/a.jsonl', ['a.jsonl:1', 'deep/a.jsonl:1', 'deep/er/a.jsonl:1']],
    ['*/a.jsonl', ['deep/a.jsonl:1']],
  ])('%s picks files', async (pattern, ids) => {
    const found = read(join(folder, pattern))
    if (ids) expect(await found).toEqual(ids)
    else await expect(found).rejects.toThrow(`Expected input files that match ${join(folder, pattern)}, found none`)
  })

  it('names rows by paths below its first wildcard, so that files of one name have rows of different ids', async () => {
    expect(await read(join(folder, 'deep/**/*.jsonl'))).toEqual(['a.jsonl:1', 'er/a.jsonl:1'])
  })

  it('is a plain name, if a file of that name is there', async () => {
    await file('[a].jsonl', line('one'))
    expect(await read(join(folder, '[a].jsonl'))).toEqual(['[a].jsonl:1'])
  })

  it('of no folder is refused', () =>
    expect(read(join(folder, 'none/*.jsonl'))).rejects.toThrow('Expected input files that match'))
})

describe('a malformed row', () => {
  const onError = 'stop'
  it.each([
    ['a.jsonl', '{"prompt":"one"}\n{"prompt":,}\n', ':2:11: Expected a JSON object, got `{"prompt":,}`'],
    ['a.jsonl', '{"é": tru}\n', ':1:10: Expected a JSON object'],
    ['a.jsonl', '{"prompt": "one"\n', ':1:17: Expected a JSON object'],
    ['a.json', '[{"prompt":"one"},\n  {"prompt" 5}]', ':2 (line 2, column 13): Expected a JSON object'],
    ['a.json', '[{"prompt":"one"},\n{\n  "prompt": }]', ':2 (line 3, column 13): Expected a JSON object'],
    ['a.jsonl', '[5]x\n{"prompt":"one"}\n', undefined],
    ['a.jsonl', '{"prompt":5}\n', ':1: Expected `prompt` to be text'],
    ['a.csv', 'prompt,id\none\n', ':2: Expected 2 fields, as in the header, got 1'],
  ])('of %s names file, line and column, and ends the reading if asked to: %s', async (name, text, message) => {
    await file(name, text)
    const path = join(folder, name)
    if (message === undefined) return expect(gathered(fromFile(path))).rejects.toThrow('Expected')
    expect((await gathered(fromFile(path))).flatMap(({ error }) => error ?? [])).toEqual([
      expect.stringContaining(path + message),
    ])
    await expect(gathered(fromFile(path, { onError }))).rejects.toThrow(
      `Stopped at a malformed row (--on-error stop): ${path}${message}`,
    )
  })

  it('is an error or the end, and nothing else', () =>
    expect(() => fromFile(folder, { onError: 'skip' as 'row' })).toThrow('Expected `onError` to be one of row, stop, got `skip`'))
})
