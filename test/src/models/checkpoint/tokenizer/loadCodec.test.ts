import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadCodec } from '../../../../../src/models/checkpoint/tokenizer/loadCodec.js'

const tokenizers = join(import.meta.dirname, 'tokenizers')
const readJson = async <T>(file: string): Promise<T> => JSON.parse(await readFile(file, 'utf8')) as T

describe('loadCodec', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rxargs-codec-'))
    await cp(join(tokenizers, 'words'), folder, { recursive: true })
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  const change = async (name: string, edit: (json: Record<string, unknown>) => void) => {
    const json = await readJson<Record<string, unknown>>(join(folder, name))
    edit(json)
    await writeFile(join(folder, name), JSON.stringify(json))
  }
  const settings = (fields: Record<string, unknown>) => change('tokenizer_config.json', (json) => Object.assign(json, fields))
  const addTokens = (...tokens: unknown[]) =>
    change('tokenizer.json', (json) => Object.assign(json, { added_tokens: [...(json.added_tokens as unknown[]), ...tokens] }))

  it('counts the vocabulary up to its largest id', async () => {
    const { vocabSize } = await loadCodec(folder)
    await addTokens({ id: vocabSize + 4, content: '<late>', special: true })
    expect((await loadCodec(folder)).vocabSize).toBe(vocabSize + 5)
  })

  it('takes added tokens of tokenizer_config.json, too', async () => {
    const { vocabSize } = await loadCodec(folder)
    await settings({ added_tokens_decoder: { [vocabSize]: { content: '<extra>', special: true } } })
    const codec = await loadCodec(folder)
    expect(codec.encode('<extra>', false)).toEqual([vocabSize])
    expect(codec.decode([vocabSize], true)).toBe('')
  })

  it('keeps a token that is called as a property of every object is', async () => {
    const { vocabSize } = await loadCodec(folder)
    const text = await readFile(join(folder, 'tokenizer.json'), 'utf8')
    await writeFile(join(folder, 'tokenizer.json'), text.replace(/"vocab": \{/, `"vocab": { "__proto__": ${vocabSize},`))
    expect((await loadCodec(folder)).decode([vocabSize], false)).toBe('__proto__')
  })

  it('reads special tokens of older folders from special_tokens_map.json', async () => {
    await writeFile(join(folder, 'special_tokens_map.json'), JSON.stringify({ bos_token: { content: '<|end|>' } }))
    await settings({ chat_template: '{{ bos_token }}' })
    expect((await loadCodec(folder)).render([])).toBe('<|end|>')
  })

  it('names the file that is missing or broken', async () => {
    await addTokens({ id: 'x' })
    await expect(loadCodec(folder)).rejects.toThrow(/`added_tokens` in .*tokenizer\.json to be a list of tokens/)
    await writeFile(join(folder, 'tokenizer.json'), '{ "model": ')
    await expect(loadCodec(folder)).rejects.toThrow(/tokenizer\.json to be JSON/)
    await rm(join(folder, 'tokenizer.json'))
    await expect(loadCodec(folder)).rejects.toThrow(/Expected .*tokenizer\.json, found no such file/)
  })

  it('refuses parts that the library does not know, by name', async () => {
    await change('tokenizer.json', (json) => Object.assign(json, { decoder: { type: 'Morse' } }))
    await expect(loadCodec(folder)).rejects.toThrow(/tokenizer\.json: .*Morse/)
  })

  it.each([
    [{ model: { dropout: 0.1 } }, /dropout/],
    [{ model: { continuing_subword_prefix: '##' } }, /continuing_subword_prefix, "##"/],
    [{ pre_tokenizer: { type: 'Split', behavior: 'Isolated', pattern: {} } }, /a Split has neither a String nor a Regex/],
    [{ normalizer: { type: 'Replace', content: '', pattern: {} } }, /a Replace has neither a String nor a Regex/],
    [{ normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAAA' } }, /precompiled_charsmap is cut short/],
    [{ normalizer: { type: 'Precompiled' } }, /a Precompiled normalizer has no precompiled_charsmap/],
  ])('refuses %j', async (fields, message) => {
    await change('tokenizer.json', (json) => {
      const { model, ...parts } = fields as { model?: object }
      Object.assign(json, parts, { model: { ...(json.model as object), ...model } })
    })
    await expect(loadCodec(folder)).rejects.toThrow(message)
  })

  it.each([
    ['vocab', 'merges.txt', null, /Expected .*merges\.txt beside vocab\.json, found no such file/],
    [
      'vocab',
      'merges.txt',
      '#version: 0.2\na b c\n',
      /Expected two tokens with a space between them in each line of .* got "a b c"/,
    ],
    [
      'vocab',
      'tokenizer_config.json',
      '{"tokenizer_class":"CTRLTokenizer"}',
      /`tokenizer_class` .*`GPT2Tokenizer`.*`CTRLTokenizer`/,
    ],
    ['wordlist', 'vocab.txt', null, /Expected .*tokenizer\.json, found no such file, nor vocab\.json .* nor vocab\.txt/],
  ])('says what is wrong with the folder %s and its %s', async (name, file, content, message) => {
    await rm(join(folder, 'tokenizer.json'))
    await cp(join(tokenizers, name), folder, { recursive: true })
    await (content === null ? rm(join(folder, file)) : writeFile(join(folder, file), content))
    await expect(loadCodec(folder)).rejects.toThrow(message)
  })

  it('refuses a token around texts that the vocabulary lacks', async () => {
    const single = [{ SpecialToken: { id: '<none>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }]
    const post = { type: 'TemplateProcessing', single, pair: single, special_tokens: {} }
    await change('tokenizer.json', (json) => Object.assign(json, { post_processor: post }))
    await expect(loadCodec(folder)).rejects.toThrow(/<none>, which is not in its vocabulary/)
  })

  describe('fingerprint', () => {
    const fingerprint = async () => (await loadCodec(folder)).fingerprint

    it('stays the same when only the writing of the files changes', async () => {
      const before = await fingerprint()
      await change('tokenizer.json', (json) => {
        const entries = Object.entries(json).reverse()
        for (const [key] of entries) delete json[key]
        Object.assign(json, Object.fromEntries(entries), { version: '9', truncation: { max_length: 3 } })
      })
      await settings({ model_max_length: 7, pad_token: '<|end|>' })
      expect(await fingerprint()).toBe(before)
    })

    it('changes with a merge, a special token of the template, and the template', async () => {
      const seen = [await fingerprint()]
      await settings({ bos_token: '<|end|>' })
      seen.push(await fingerprint())
      await settings({ chat_template: '{{ messages[0].content }}' })
      seen.push(await fingerprint())
      await change('tokenizer.json', (json) => (json.model as { merges: unknown[] }).merges.pop())
      seen.push(await fingerprint())
      expect(new Set(seen).size).toBe(4)
    })
  })

  describe('render', () => {
    const user = [{ role: 'user', content: 'Hi' }]

    it('prefers chat_template.jinja, whatever its line ends', async () => {
      await writeFile(join(folder, 'chat_template.jinja'), 'file:\r\n{{ messages[0].content }}\r\n')
      expect((await loadCodec(folder)).render(user)).toBe('file:\nHi')
    })

    it('reads a template of chat_template.json where there is no other', async () => {
      await settings({ chat_template: null })
      await writeFile(join(folder, 'chat_template.json'), JSON.stringify({ chat_template: 'json {{ messages[0].content }}' }))
      expect((await loadCodec(folder)).render(user)).toBe('json Hi')
    })

    it('says which templates there are where none is the default one', async () => {
      await settings({ chat_template: [{ name: 'rag', template: 'x' }] })
      const codec = await loadCodec(folder)
      expect(() => codec.render(user)).toThrow(/found only rag/)
    })

    it('takes the default one of several templates', async () => {
      const named = ['tool_use', 'default'].map((name) => ({ name, template: `${name} {{ messages[0].content }}` }))
      await settings({ chat_template: named })
      expect((await loadCodec(folder)).render(user)).toBe('default Hi')
    })

    it('says that there is no template', async () => {
      await settings({ chat_template: null })
      const codec = await loadCodec(folder)
      expect(() => codec.render(user)).toThrow(/Expected a chat template in .*this model takes plain prompts only/)
    })

    it('says what the template says when it refuses', async () => {
      await settings({ chat_template: "{{ raise_exception('No ' + messages[0].role + ' here') }}" })
      const codec = await loadCodec(folder)
      expect(() => codec.render(user)).toThrow(expect.objectContaining({ name: 'TemplateError' }))
      expect(() => codec.render(user)).toThrow(/refuses the messages: No user here/)
    })

    it('loads a model whose template cannot be parsed, and fails at rendering only', async () => {
      await settings({ chat_template: '{% if %}' })
      const codec = await loadCodec(folder)
      expect(codec.encode('Hello', false).length).toBeGreaterThan(0)
      expect(() => codec.render(user)).toThrow(expect.objectContaining({ name: 'TemplateError' }))
    })

    it("tells the date of the given clock in English, as Python's C locale does", async () => {
      await settings({ chat_template: "{{ strftime_now('%d %b %Y, %A %H:%M:%S %% %B %y %Q') }}" })
      const codec = await loadCodec(folder, { now: () => new Date(2026, 2, 5, 7, 8, 9) })
      expect(codec.render(user)).toBe('05 Mar 2026, Thursday 07:08:09 % March 26 %Q')
    })
  })
})
