import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toPlain } from '../../../src/core/text/json.js'
import { parseExactly, stringifyExactly } from '../../../src/io/exactJson.js'
import { fromFile } from '../../../src/io/fromFile.js'
import { readRows } from '../../../src/io/readRows.js'
import { scoredTexts } from '../../../src/io/scoredTexts.js'
import { toParquet } from '../../../src/io/toParquet.js'
import { tempFolder } from '../../tempFolder.js'
import { query } from './duckdb.js'
import { fakeRun, gathered, meta, row } from './fakeRun.js'

let folder: string
tempFolder((path) => {
  folder = path
})

const jsonl = async (...lines: readonly string[]): Promise<string> => {
  const path = join(folder, 'in.jsonl')
  await writeFile(path, lines.join('\n'))
  return path
}
const idsOf = async (path: string) => (await gathered(fromFile(path))).map(({ id, error }) => error ?? id)

describe('JSON that is read exactly', () => {
  it.each([
    '{"n":1488576245112852481,"list":[18446744073709551615,-9007199254740993]}',
    '{"a":1.0,"b":-0,"c":1e3,"d":0.10,"e":1E+400,"f":[[0.1000000000000000055511151231257827]]}',
    '{"text":"1.0, -0: 1e3","n":[12,0.5,-7,-0.5]}',
    '{"2":1,"1":{"b":1e+21,"0":"\\\\","__proto__":null}}',
    '{"s":"\\u0000 \\"[1.50","x":{"y":[true,null,{}]},"z":1.50}',
  ])('round-trips: %s', (json) => expect(stringifyExactly(parseExactly(json))).toBe(json))

  it('has plain numbers if a double has the same text', () => {
    expect(parseExactly('{"a":9007199254740991,"b":0.5,"c":-3}')).toEqual({ a: 9007199254740991, b: 0.5, c: -3 })
    expect(toPlain(parseExactly('{"a":7,"b":1.0}'))).toEqual({ a: 7, b: 1 })
  })

  it('has the values of JSON.parse', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom('', ' ', '\n\t'), (json, space) => {
        const text = `${space}{"7":${space}${json}${space},${space}"x":[1.0${space}]}`
        expect(toPlain(parseExactly(text))).toEqual(JSON.parse(text))
      }),
    )
  })

  it.each(['', '{"a":1.0', '{"a":1.0}}', '{"a":01.0}', "{'1':1.0}", '[1.0,]'])(
    'is refused where JSON.parse refuses it: %s',
    (text) => {
      expect(() => parseExactly(text)).toThrow(SyntaxError)
    },
  )

  it('reads strings of megabytes that look like numbers', () => {
    const text = 'say \\"[1.50\\": -0, '.repeat(50_000)
    expect(stringifyExactly(parseExactly(`{"n":2.0,"text":"${text}\\\\"}`))).toBe(`{"n":2.0,"text":"${text}\\\\"}`)
    expect(parseExactly(`{"n":2,"text":"${text}"}`)).toMatchObject({ n: 2 })
  })

  it('keeps the last of duplicate keys, like JSON.parse', () => {
    expect(stringifyExactly(parseExactly('{"a":1.0,"a":2.0}'))).toBe('{"a":2.0}')
  })

  it('writes values that JSON lacks as null, base64 or text', () => {
    const value = { nan: Number.NaN, bytes: Buffer.from('hi'), none: new Date(Number.NaN), big: 2n ** 64n, day: new Date(0) }
    const rest = '"nan":null,"bytes":"aGk=","none":null'
    expect(stringifyExactly(value)).toBe(`{${rest},"big":18446744073709551616,"day":"1970-01-01T00:00:00.000Z"}`)
  })
})

describe('ids', () => {
  it('of JSONL are the text of their numbers', async () => {
    const written = ['1488576245112852481', '1488576245112852482', '1', '1.0', '-0', '0', '1e3', '1000', '1e400']
    const path = await jsonl(...written.map((id) => `{"id":${id},"prompt":"a, 1.0"}`))
    expect(await idsOf(path)).toEqual(written)
  })

  it.each([
    ['bigint', ['1488576245112852481', '-9223372036854775808', '3']],
    ['ubigint', ['18446744073709551615', '18446744073709551614', '3']],
    ['decimal(4,1)', ['1.5', '-0.1', '100']],
    ['decimal(9,3)', ['0.001', '-123456.789', '7']],
    ['decimal(18,2)', ['1234567890123456.78', '-1234567890123456.79', '0.3']],
    ['decimal(38,0)', ['1488576245112852481', '1488576245112852482', '-99999999999999999999999999999999999999']],
    ['decimal(38,10)', ['1488576245112852481.0000000001', '-0.0000000001', '2.5']],
    ['date', ['2024-01-31', '1969-12-31', '0044-03-15']],
    ['timestamp', ['2024-01-31T12:00:00.000Z', '2024-01-31T12:00:00.000001Z', '1969-12-31T23:59:59.999999Z']],
    ['timestamp_ns', ['2024-01-31T12:00:00.000000001Z', '2024-01-31T12:00:00.000000002Z', '2024-01-31T12:00:00.500Z']],
    ['uuid', ['6ba7b810-9dad-11d1-80b4-00c04fd430c8']],
  ])('of Parquet as %s keep all digits', async (type, written) => {
    const path = join(folder, 'in.parquet')
    const values = written.map((id) => `('${id.replace('Z', '')}'::${type})`)
    await query(`copy (select id, 'x' as prompt from (values ${values.join(', ')}) t(id)) to '${path}' (format parquet)`)
    expect(await idsOf(path)).toEqual(written)
  })

  it('are the same from either file format', async () => {
    const path = join(folder, 'in.parquet')
    const written = ['1488576245112852481', '1488576245112852482']
    await query(`copy (select unnest([${written.join('::decimal(20), ')}]) as id, 'a' as prompt) to '${path}' (format parquet)`)
    expect(await idsOf(path)).toEqual(written)
    expect(await idsOf(await jsonl(...written.map((id) => `{"id":${id},"prompt":"a"}`)))).toEqual(written)
  })
})

describe('decimals of Parquet', () => {
  it('are exact in lists, structs and maps, at any width', async () => {
    const path = join(folder, 'nested.parquet')
    await query(
      `copy (select [0.3, null, 1.1]::decimal(4,1)[] as list, {'a': 12345678901234567.89::decimal(20,2), 'b': [{'c': 0.7}]} as struct,
       map(['k'], [99999999999999999999::decimal(38,0)]) as map, null::decimal(9,2) as none, 1.10 as plain) to '${path}' (format parquet)`,
    )
    expect(stringifyExactly((await gathered(readRows(path)))[0])).toBe(
      '{"list":[0.3,null,1.1],"struct":{"a":12345678901234567.89,"b":[{"c":0.7}]},"map":{"k":99999999999999999999},"none":null,"plain":1.1}',
    )
  })

  it('set options of a row like other numbers', async () => {
    const path = join(folder, 'in.parquet')
    await query(`copy (select 'x' as prompt, 0.5 as weight, 7::decimal(38,0) as k) to '${path}' (format parquet)`)
    expect((await gathered(fromFile(path)))[0]!.overrides).toEqual({ weight: 0.5, k: 7 })
    const lines = await jsonl(
      '{"prompt":"x","weight":1.0,"k":3.0,"max_new_tokens":4e0,"pipeline":{"steps":[{"topK":{"k":5.0}}]}}',
    )
    expect((await gathered(fromFile(lines)))[0]!.overrides).toEqual({
      ...{ weight: 1, k: 3, maxNewTokens: 4 },
      pipeline: { steps: [{ topK: { k: 5 } }] },
    })
  })
})

describe('columns that are kept', () => {
  it('keep Parquet floats as floats, and the order of JSON keys', async () => {
    const path = join(folder, 'in.parquet')
    await query(
      `copy (select 'x' as prompt, {'a': 2.0::double, 'far': 1e21::double} as s, '{"2":1,"1":2.50}'::json as j) to '${path}' (format parquet)`,
    )
    const [prompt] = await gathered(fromFile(path, { keepInput: true }))
    expect(stringifyExactly(prompt!.input)).toBe('{"prompt":"x","s":{"a":2.0,"far":1e+21},"j":{"2":1,"1":2.50}}')
  })

  it('keep their digits in Parquet, also in a rewritten part', async () => {
    const line = '{"prompt":"x","n":1488576245112852481,"f":1.0,"deep":[{"x":-0,"y":1e3}]}'
    const [prompt] = await gathered(fromFile(await jsonl(line), { keepInput: true }))
    const out = join(folder, 'out')
    const failed = { finishReason: 'error', error: 'too long' } as const
    const runMeta = meta({ keepInput: true })
    await toParquet(out, fakeRun([row('a', { input: prompt!.input! }), row('b', failed)], { runMeta }))
    await toParquet(out, fakeRun([row('a'), row('b')], { runMeta }), { retryErrors: true })
    const kept = (await gathered(readRows(out))).find(({ id }) => id === 'a')!.input
    expect(stringifyExactly(kept)).toBe(line)
    expect(await query(`select input::varchar as text, typeof(input) as type from '${out}/*.parquet' where id = 'a'`)).toEqual([
      { text: line, type: 'JSON' },
    ])
  })
})

describe('texts to score', () => {
  it('are errors if their sample is no number', async () => {
    const path = await jsonl(
      '{"id":1.0,"prompt":"x","completion":"y","sample":2.0}',
      ...['"1"', '-1', '0.5', '3000000000', '{}'].map((sample) => `{"id":"a","prompt":"x","completion":"y","sample":${sample}}`),
    )
    const texts = await gathered(scoredTexts(path))
    expect(texts[0]).toMatchObject({ id: '1.0', sample: 2, completion: 'y' })
    expect(texts.slice(1).map(({ id, error }) => [id, error])).toEqual(
      ['`1` (string)', '`-1` (number)', '`0.5` (number)', '`3000000000` (number)', 'object'].map((got, index) => [
        `in.jsonl:${index + 2}`,
        `${path}:${index + 2}: Expected \`sample\` to be an integer from 0 to 2147483647, got ${got}`,
      ]),
    )
  })
})
