import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Prompt } from '../../../src/core/prompt.js'
import { toPlain } from '../../../src/core/text/json.js'
import { countRows } from '../../../src/io/countRows.js'
import { type FileOptions, fromFile } from '../../../src/io/fromFile.js'
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

const LINES = '{"id":"a","prompt":"one"}\n{"id":"b","prompt":"two"}\n'
const ARRAY = '[{"id": "a", "prompt": "one"},\n {"id": "b", "prompt": "two"}]\n'
const CSV = 'id,prompt\r\na,one\r\n"b","two"\r\n'
/** LINES, packed by the zstd command at level 19, with a checksum. */
const ZSTD = Buffer.from('KLUv/QRoVQEAFAJ7ImlkIjoiYSIsInByb21wdCI6Im9uZSJ9CmJ0d28ifQoCAIALO5tj/2NsBg==', 'base64')

const textOf = ({ id, content, error }: Prompt) => error ?? [id, content?.text]
const read = async (path: string, options?: FileOptions) => (await gathered(fromFile(path, options))).map(textOf)

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

describe('inputs that can be read', () => {
  const kinds: readonly (readonly [string, string, string | Uint8Array])[] = [
    ['gzip', 'in.jsonl.gz', gzipSync(LINES)],
    ['gzip that is called JSONL', 'in.jsonl', gzipSync(LINES)],
    ['gzip of two members', 'in.jsonl.gz', Buffer.concat([gzipSync(LINES.slice(0, 30)), gzipSync(LINES.slice(30))])],
    ['zstd', 'in.jsonl.zst', ZSTD],
    ['zstd that is called JSONL', 'in.jsonl', ZSTD],
    ['JSONL that is called gzip', 'in.jsonl.gz', LINES],
    ['JSONL that is called CSV', 'in.csv', LINES],
    ['JSONL that is called Parquet', 'in.parquet', LINES],
    ['JSONL behind a byte order mark and blank lines', 'in.jsonl', `\ufeff\n  \n${LINES}`],
    ['a JSON array', 'in.json', ARRAY],
    ['a JSON array that is called JSONL', 'in.jsonl', ARRAY],
    ['a JSON array in one line', 'in.json', ARRAY.replaceAll('\n', '')],
    ['a JSON array behind a byte order mark', 'in.json', `\ufeff  ${ARRAY}`],
    ['a JSON array as gzip', 'in.json.gz', gzipSync(ARRAY)],
    ['CSV', 'in.csv', CSV],
    ['CSV that is called text', 'in.txt', CSV],
    ['CSV behind a byte order mark, of semicolons', 'in.csv', `\ufeff${CSV.replaceAll(',', ';')}`],
    ['tabs', 'in.tsv', CSV.replaceAll(',', '\t')],
    ['CSV as gzip', 'in.csv.gz', gzipSync(CSV)],
  ]

  it.each(kinds)('are %s', async (_, name, content) => {
    const path = await file(name, content)
    const expected = [
      ['a', 'one'],
      ['b', 'two'],
    ]
    expect(await read(path)).toEqual(expected)
    expect(await countRows(path, { needs: [['prompt']] })).toBe(2)
    for (const size of [1, 7, 1 << 16]) {
      const stdin = inChunks(typeof content === 'string' ? Buffer.from(content) : content, size)
      expect(await read('-', { stdin })).toEqual(expected)
    }
  })

  it.each([
    ['JSONL', 'in.jsonl', '{"id":"a","prompt":"one","prompt":"two"}\n{"id":"b","prompt":"two"}\n', '"prompt"'],
    ['a JSON array', 'in.json', '[{"messages":[{"role":"user","role":"system"}]}, {"id":"b","prompt":"two"}]', '"role"'],
  ])('are rows of %s, with errors for duplicate keys', async (_, name, content, key) => {
    const path = await file(name, content)
    expect(await read(path)).toEqual([`${path}:1: Expected each key once, got ${key} twice`, ['b', 'two']])
  })

  it('are zstd with several frames', async () => {
    expect((await read(await file('in.zst', Buffer.concat([ZSTD, ZSTD])))).length).toBe(4)
  })

  it('are an empty file, and an empty array', async () => {
    expect(await read(await file('a.jsonl', ''))).toEqual([])
    expect(await read(await file('b.json', ' [ ]\n'))).toEqual([])
    expect(await read(await file('c.csv', ''))).toEqual([])
  })
})

describe('a JSON array', () => {
  it('is read element by element, for any chunks', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ id: fc.uuid(), prompt: fc.string({ unit: 'binary', minLength: 1 }), other: fc.jsonValue() }), {
          minLength: 1,
        }),
        fc.constantFrom(undefined, 2),
        fc.boolean(),
        fc.integer({ min: 1, max: 50 }),
        async (rows, indent, isEscaped, size) => {
          const json = JSON.stringify(rows, null, indent)
          const text = isEscaped
            ? json.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
            : json
          const found = await gathered(fromFile('-', { stdin: inChunks(Buffer.from(text), size), keepInput: true }))
          expect(found.map(({ input }) => toPlain(input))).toEqual(JSON.parse(json))
        },
      ),
    ))

  it('has an error row under its number for an element that is no object', async () => {
    const path = await file('in.json', '[{"prompt": "one"}, 5, [1, [2]], {"prompt": "x"} {}, {"prompt": "last"}]')
    expect(await read(path)).toEqual([
      ['in.json:1', 'one'],
      `${path}:2: Expected a JSON object, got \`5\``,
      `${path}:3: Expected a JSON object, got \`[1, [2]]\``,
      `${path}:4 (line 1, column 50): Expected a JSON object, got \`{"prompt": "x"} {}\``,
      ['in.json:5', 'last'],
    ])
  })

  it.each([
    ['[{"prompt":"one"},', 'no end after element 1'],
    ['[{"prompt":"one"}] [{"prompt":"two"}]', 'more behind its end after element 1'],
    ['[{"prompt":"one"}]\n{"prompt":"two"}', 'more behind its end after element 1'],
    ['[{"prompt":"one"}, {"prompt": nope}]', 'what is no JSON'],
    ['[', 'no end at its start'],
  ])('is refused if it is damaged: %s', async (text, what) => {
    const path = await file('in.json', text)
    await expect(read(path)).rejects.toThrow(new RegExp(`Expected ${path} to be one JSON array, found ${what}`))
  })

  it('reads on demand, not ahead', async () => {
    let chunks = 0
    async function* stdin() {
      yield Buffer.from('[{"prompt":"a"}')
      for (; chunks < 1e6; chunks++) yield Buffer.from(',\n{"prompt":"a"}')
    }
    const prompts = fromFile('-', { stdin: stdin() })
    for (let count = 0; count < 5; count++) await prompts.next()
    await prompts.return(undefined)
    expect(chunks).toBeLessThan(10)
  })
})

describe('inputs that cannot be read', () => {
  const utf16 = Buffer.from(`\ufeff${LINES}`, 'utf16le')
  it.each<readonly [string, string, string | Uint8Array]>([
    ['an .xlsx workbook', 'in.xlsx', Buffer.from('PK\x03\x04\x14\x00\x06\x00[Content_Types].xml', 'latin1')],
    ['zip archive', 'in.jsonl', Buffer.from('PK\x03\x04\x14\x00\x00\x00a.jsonl', 'latin1')],
    ['UTF-16', 'in.jsonl', utf16],
    ['UTF-16', 'in.csv', Buffer.from(CSV, 'utf16le')],
    ['UTF-16', 'in.jsonl', Buffer.from(utf16).swap16()],
    ['an HTML page', 'in.jsonl', '<!DOCTYPE html>\n<html><body>Not found</body></html>\n'],
    ['Git LFS', 'in.jsonl', 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n'],
    ['XML', 'in.json', '<?xml version="1.0"?>\n<rows/>\n'],
    ['one JSON value over several lines', 'in.json', '{\n  "data": [\n    {"prompt": "one"}\n  ]\n}\n'],
    ['one JSON value over several lines', 'in.json', '{"prompt": "one",\n "id": "a"}\n'],
    ['text that begins `How do I bake bread?`', 'in.txt', 'How do I bake bread?\nWhy?\n'],
    ['(CSV needs a column `prompt` or `messages`)', 'in.txt', 'question,answer\n1,2\n'],
    ['text that begins `5`', 'in.jsonl', '5\n6\n'],
    ['bzip2', 'in.jsonl.bz2', 'BZh91AY&SY'],
    ['xz', 'in.jsonl.xz', Buffer.from('\xfd7zXZ\x00\x00\x04', 'latin1')],
    ['a Python pickle', 'in.pkl', Buffer.of(0x80, 0x04, 0x95)],
    ['an SQLite database', 'in.db', 'SQLite format 3\0\x10\0'],
    ['binary data', 'in.jsonl', Buffer.from('abcdefgh\x00\x01ijklmnopq\n', 'latin1')],
    ['an empty file', 'in.parquet', ''],
    ['an empty file', 'in.jsonl.gz', ''],
    ['compressed twice', 'in.gz', gzipSync(gzipSync(LINES))],
  ])('are named: %s in %s', async (what, name, content) => {
    const path = await file(name, content)
    await expect(read(path)).rejects.toThrow(
      `Expected JSONL, a JSON array, CSV (each also as gzip or zstd) or Parquet in ${path}, found`,
    )
    await expect(read(path)).rejects.toThrow(what)
  })

  it('are Parquet named JSONL only if compressed or on standard input', async () => {
    const path = join(folder, 'in.jsonl')
    await query(`copy (select 'one' as prompt, 'a' as id) to '${path}' (format parquet)`)
    expect(await read(path)).toEqual([['a', 'one']])
    const bytes = await import('node:fs/promises').then(({ readFile }) => readFile(path))
    await expect(read(await file('in.gz', gzipSync(bytes)))).rejects.toThrow('found compressed Parquet')
    await expect(read('-', { stdin: inChunks(bytes, 1 << 16) })).rejects.toThrow('in stdin, found Parquet (which needs a file')
  })

  it.each([
    ['gzip', gzipSync(LINES.repeat(1000))],
    ['zstd', ZSTD],
  ])('are damaged %s', async (format, whole) => {
    const path = await file('in.jsonl', whole.subarray(0, whole.length - 12))
    await expect(read(path)).rejects.toThrow(`Expected ${path} to be a whole ${format} stream: `)
  })

  it('close the file when the reader stops', async () => {
    const path = await file('in.jsonl.gz', gzipSync(LINES.repeat(10_000)))
    const prompts = fromFile(path)
    await prompts.next()
    await prompts.return(undefined)
  })
})
