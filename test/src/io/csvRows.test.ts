import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fromFile } from '../../../src/io/fromFile.js'
import { scoredTexts } from '../../../src/io/scoredTexts.js'
import { tempFolder } from '../../tempFolder.js'
import { gathered } from './fakeRun.js'

let folder: string
tempFolder((path) => {
  folder = path
})

const file = async (name: string, content: string | Uint8Array): Promise<string> => {
  await writeFile(join(folder, name), content)
  return join(folder, name)
}

const read = async (path: string) =>
  (await gathered(fromFile(path))).map(({ id, content, error }) => error ?? [id, content?.text])

describe('CSV', () => {
  it('has rows by their first line, typed settings, and empty fields as null', async () => {
    const path = await file(
      'in.csv',
      'prompt,k,weight,messages,note\n"two\nlines, ""quoted""",5,"{""chat"": 2}",,\n\nplain,,1.5,,x\n,,,"[{""role"":""user"",""content"":""Hi""}]",\n',
    )
    const prompts = await gathered(fromFile(path, { keepInput: true }))
    expect(prompts.map(({ id, content, overrides }) => [id, content, overrides])).toEqual([
      ['in.csv:2', { text: 'two\nlines, "quoted"' }, { k: 5, weight: { chat: 2 } }],
      ['in.csv:5', { text: 'plain' }, { weight: 1.5 }],
      ['in.csv:6', { messages: [{ role: 'user', content: 'Hi' }] }, undefined],
    ])
    expect(prompts[1]!.input).toEqual({ prompt: 'plain', k: null, weight: 1.5, messages: null, note: 'x' })
  })

  it('keeps ids as they are written', async () => {
    const path = await file('in.csv', 'id,prompt\n007,a\n9007199254740993,b\n')
    expect(await read(path)).toEqual([
      ['007', 'a'],
      ['9007199254740993', 'b'],
    ])
  })

  it('has an error row for missing or surplus fields', async () => {
    const path = await file('in.csv', 'id,prompt\na,one\nb\nc,two,three\nd,last\n')
    expect(await read(path)).toEqual([
      ['a', 'one'],
      `${path}:3: Expected 2 fields, as in the header, got 1`,
      `${path}:4: Expected 2 fields, as in the header, got 3`,
      ['d', 'last'],
    ])
  })

  it.each<readonly [string, string | Uint8Array, RegExp]>([
    ['without a column of prompts', 'question,answer\na,b\n', /to have a column `prompt` or `messages`, found question, answer/],
    ['with a column twice', 'prompt,id,id\na,b,c\n', /Expected each column of .* once, got `id` twice/],
    ['with a quote left open', 'prompt\n"a\nb\n', /Expected CSV in .*Quote Not Closed/],
    ['in another encoding', Buffer.from('prompt\none\ncaf\xe9\n', 'latin1'), /Expected UTF-8 in .*in\.csv/],
  ])('%s is refused', async (_, content, message) => {
    await expect(read(await file('in.csv', content))).rejects.toThrow(message)
  })

  it('has the columns that score names', async () => {
    const path = await file('in.csv', 'prompt,answer\na,b\n')
    await expect(gathered(scoredTexts(path))).rejects.toThrow(/to have a column `completion`, found prompt, answer/)
    expect(await gathered(scoredTexts(path, { completionColumn: 'answer' }))).toMatchObject([{ completion: 'b' }])
  })
})
