import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { tempFolder } from '../../tempFolder.js'
import { query } from '../io/duckdb.js'
import { pair, reward, rxargs } from './rxargs.js'

let folder: string
let out: string
tempFolder((path) => {
  folder = path
  out = join(path, 'out')
})

const DECODING = [...pair, '--max-new-tokens', '2']
const file = async (lines: readonly object[], name = 'in.jsonl'): Promise<string> => {
  await writeFile(join(folder, name), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return join(folder, name)
}
const decode = (input: string, flags: readonly string[] = []) => rxargs(['generate', input, ...DECODING, '-o', out, ...flags])
const prompts = async () =>
  (await query(`select id, prompt from '${out}/*.parquet' order by id`)).map(({ id, prompt }) => [id, prompt])

const changed = (names: string) =>
  expect.objectContaining({
    code: 1,
    stderr: expect.stringMatching(
      new RegExp(`made from another prompt or other settings: ${names}\\. Use another folder, --redo-changed`),
    ),
  })

describe('an input that has changed since the folder was written', () => {
  const lines = [{ prompt: 'one' }, { prompt: 'two' }]

  it('by a line at the top is refused, because ids are file and line', async () => {
    await decode(await file(lines))
    expect(await decode(await file([{ prompt: 'zero' }, ...lines]))).toEqual(changed('`in.jsonl:1`, `in.jsonl:2`'))
    expect(await prompts()).toEqual([
      ['in.jsonl:1', 'one'],
      ['in.jsonl:2', 'two'],
    ])
  })

  it('for another file of the same name is refused', async () => {
    await decode(await file(lines))
    await mkdir(join(folder, 'other'))
    expect(await decode(await file([{ prompt: 'else' }], 'other/in.jsonl'))).toEqual(changed('`in.jsonl:1`'))
  })

  it('by an edited prompt is refused, and decoded anew on demand', async () => {
    const withIds = lines.map((line, index) => ({ id: `p${index}`, ...line }))
    await decode(await file(withIds))
    const edited = await file([{ ...withIds[0]!, prompt: 'edited' }, withIds[1]!, { id: 'p2', prompt: 'three' }])
    expect(await decode(edited)).toEqual(changed('`p0`'))
    const { code, stderr } = await decode(edited, ['--redo-changed'])
    expect(code).toBe(0)
    expect(stderr).toContain('1 row from earlier runs')
    expect(await prompts()).toEqual([
      ['p0', 'edited'],
      ['p1', 'two'],
      ['p2', 'three'],
    ])
    expect(await decode(edited)).toMatchObject({ code: 0, stderr: expect.stringContaining('already holds all 3 rows') })
  })

  it('by another prompt in the pipe is refused', async () => {
    const piped = (prompt: string) => rxargs(['generate', '-', ...DECODING, '-o', out], `${JSON.stringify({ prompt })}\n`)
    expect((await piped('one')).code).toBe(0)
    expect(await piped('two')).toEqual(changed('`stdin:1`'))
    expect((await piped('one')).code).toBe(0)
  })

  it.each<[string, object, object]>([
    ['stop', { stop: '.' }, { stop: ',' }],
    ['weight', { weight: 1 }, { weight: 1.5 }],
    ['pipeline', {}, { pipeline: 'greedy' }],
    ['seed', { seed: 1 }, { seed: 2 }],
    ['max_new_tokens', { max_new_tokens: 1 }, { max_new_tokens: 2 }],
    ['messages', { messages: [{ role: 'user', content: 'a' }] }, { messages: [{ role: 'system', content: 'a' }] }],
  ])('by the column %s of a row is refused', async (_, before, after) => {
    await decode(await file([{ id: 'a', prompt: 'one', ...before }]))
    expect(await decode(await file([{ id: 'a', prompt: 'one', ...after }]))).toEqual(changed('`a`'))
  })

  it('by a kept column is refused, by another column is accepted', async () => {
    const label = (of: string) => file([{ id: 'a', prompt: 'one', label: of }])
    await decode(await label('x'), ['--keep-input'])
    expect(await decode(await label('y'), ['--keep-input'])).toEqual(changed('`a`'))
    await decode(await label('x'), ['--force'])
    expect((await decode(await label('y'))).code).toBe(0)
  })

  it('by the file format alone is accepted', async () => {
    await decode(await file([{ id: 1, prompt: 'one', weight: 1 }]))
    await writeFile(join(folder, 'moved.jsonl'), '\n{"weight":1.0, "prompt":"o\\u006ee", "id":1}\r\n')
    expect(await decode(join(folder, 'moved.jsonl'))).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('already holds the row'),
    })
  })

  it('is refused by score for another completion', async () => {
    const score = async (completion: string, flags: readonly string[] = []) =>
      rxargs(['score', await file([{ id: 'a', prompt: 'one', completion }]), '--reward', reward, '-o', out, ...flags])
    expect((await score('x')).code).toBe(0)
    expect(await score('y')).toEqual(changed('`a`'))
    expect((await score('y', ['--redo-changed'])).code).toBe(0)
    expect(await query(`select completion from '${out}/*.parquet'`)).toEqual([{ completion: 'y' }])
  })
})

describe('--redo-changed', () => {
  it.each([
    [['--redo-changed'], 'Expected `--output` beside `--redo-changed`, got none'],
    [['-o', 'x', '--redo-changed', '--force'], 'Expected `--force` or `--redo-changed`, got both'],
  ])('as %s has no meaning', async (flags, message) => {
    for (const verb of ['generate', 'score']) {
      const { code, stderr } = await rxargs([verb, await file([]), ...flags])
      expect({ code, stderr }).toEqual({ code: 2, stderr: `rxargs: ${message}\n` })
    }
  })
})
