import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fromFile } from '../../../src/io/fromFile.js'
import { type PromptOptions, toPrompt } from '../../../src/io/prompts/toPrompt.js'
import { query } from './duckdb.js'
import { gathered } from './fakeRun.js'

const from = (values: Record<string, unknown>, dataset: PromptOptions['dataset']) =>
  toPrompt({ place: 'a.jsonl:7', where: 'data/a.jsonl:7', values }, { dataset })

const turns = '\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Tell me more\n\nAssistant:'

describe('the dataset hh', () => {
  it.each([
    ['the prompt of the full set as it is', { prompt: turns, chosen: 'x', rejected: 'y' }],
    ['the transcript that was chosen, up to its last reply', { chosen: `${turns} Of what?`, rejected: `${turns} No.` }],
    ['the one that was rejected where there is no other', { chosen: null, rejected: `${turns} No.\n\nHuman` }],
  ])('gives %s, and stops at the next turn', (_, values) =>
    expect(from(values, 'hh')).toEqual({ id: 'a.jsonl:7', place: 'a.jsonl:7', content: { text: turns }, stop: ['\n\nHuman:'] }),
  )

  it.each([
    [{ text: 'x' }, 'Expected a row of HH-RLHF (`prompt`, or `chosen` or `rejected`), got none of them'],
    [{ chosen: 'no turns' }, 'Expected the transcript to have a turn of `Assistant:`, got none'],
    [{ prompt: '\ud800' }, 'Expected `prompt` to be well-formed text, got half a surrogate pair'],
  ])('makes an error of %j', (values, error) => expect(from(values, 'hh').error).toBe(`data/a.jsonl:7: ${error}`))
})

describe('the dataset shp', () => {
  it("reads the post as the human's turn, under its id", () =>
    expect(from({ post_id: 'abc', history: 'Why?' }, 'shp')).toEqual({
      id: 'abc',
      place: 'a.jsonl:7',
      content: { text: 'Human: Why? Assistant:' },
    }))

  it('makes an error of a row without a post', () =>
    expect(from({ post_id: 'abc' }, 'shp').error).toBe('data/a.jsonl:7: Expected a row of SHP (`history`), got none'))
})

describe('fromFile', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rxargs-datasets-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('reads each post of SHP once, out of Parquet', async () => {
    const path = join(folder, 'shp.parquet')
    await query(
      `copy (select * from (values ('a', 'One?', 1), ('a', 'One?', 2), ('b', 'Two?', 3), ('a', 'One?', 4)) t(post_id, history, labels))
       to '${path}' (format parquet)`,
    )
    const prompts = await gathered(fromFile(path, { dataset: 'shp' }))
    expect(prompts.map(({ id, content }) => [id, content?.text])).toEqual([
      ['a', 'Human: One? Assistant:'],
      ['b', 'Human: Two? Assistant:'],
    ])
  })

  it("reads HH-RLHF out of JSONL, with the row's columns on request", async () => {
    const path = join(folder, 'hh.jsonl')
    await writeFile(path, `${JSON.stringify({ chosen: `${turns} a`, rejected: `${turns} b` })}\n`)
    const [prompt] = await gathered(fromFile(path, { dataset: 'hh', keepInput: true }))
    expect(prompt).toMatchObject({ id: 'hh.jsonl:1', content: { text: turns }, input: { rejected: `${turns} b` } })
  })

  it('refuses an unknown dataset, and one beside a template', () => {
    expect(() => fromFile('x', { dataset: 'c4' as never })).toThrow('Expected `dataset` to be one of hh, shp, got `c4`')
    expect(() => fromFile('x', { dataset: 'hh', template: 'chat' })).toThrow('it takes neither `template` nor')
  })
})
