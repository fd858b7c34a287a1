import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadCodec } from '../../../../../src/models/checkpoint/tokenizer/loadCodec.js'

/** What test/reference/make_tokenizers.py writes; its head describes the fields. */
type Expected = Readonly<{
  texts: readonly Readonly<{
    text: string
    ids: number[]
    plainIds: number[]
    cutIds: number[]
    kept: string
    skipped: string
    chat: string
  }>[]
  random: readonly Readonly<{ ids: number[]; text: string }>[]
  spaces: readonly (readonly [id: number, times: number])[]
}>

const tokenizers = join(import.meta.dirname, 'tokenizers')
const names = readdirSync(tokenizers)
/** Those that lose nothing but white space around <pad> and the sign that stands for a space. */
const lossless = ['words', 'pattern', 'bytes', 'vocab']

describe.each(names)('the tokenizer %s', (name) => {
  const folder = join(tokenizers, name)
  const load = async () => ({
    codec: await loadCodec(folder),
    expected: JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8')) as Expected,
  })

  it('encodes as transformers does, with and without the tokens around', async () => {
    const { codec, expected } = await load()
    expect(expected.texts.map(({ text }) => codec.encode(text, true))).toEqual(expected.texts.map(({ ids }) => ids))
    expect(expected.texts.map(({ text }) => codec.encode(text, false))).toEqual(expected.texts.map(({ plainIds }) => plainIds))
  })

  it('decodes as transformers does, incomplete characters and ids at random included', async () => {
    const { codec, expected } = await load()
    expect(expected.texts.map(({ cutIds }) => codec.decode(cutIds, false))).toEqual(expected.texts.map(({ kept }) => kept))
    expect(expected.texts.map(({ cutIds }) => codec.decode(cutIds, true))).toEqual(expected.texts.map(({ skipped }) => skipped))
    expect(expected.random.map(({ ids }) => codec.decode(ids, true))).toEqual(expected.random.map(({ text }) => text))
  })

  it('reads 10,000 spaces as transformers does', async () => {
    const { codec, expected } = await load()
    const ids = codec.encode(`a${' '.repeat(10_000)}b`, true)
    expect(ids).toEqual(expected.spaces.flatMap(([id, times]) => Array.from({ length: times }, () => id)))
  })

  it('reads half a surrogate pair as the sign for what cannot be read', async () => {
    const { codec } = await load()
    for (const half of ['\ud83d', '\udc69']) expect(codec.encode(`a${half}b`, true)).toEqual(codec.encode('a\ufffdb', true))
  })

  if (lossless.includes(name))
    it('gives back the text that it encoded', async () => {
      const { codec, expected } = await load()
      const lost = /<pad>|▁/
      const ordinary = expected.texts.filter(({ text }) => !lost.test(text))
      expect(ordinary.map(({ text }) => codec.decode(codec.encode(text, false), false))).toEqual(ordinary.map(({ text }) => text))
    })

  it('renders messages as transformers does', async () => {
    const { codec, expected } = await load()
    const rendered = expected.texts.map(({ text }) => codec.render([{ role: 'user', content: text }]))
    expect(rendered).toEqual(expected.texts.map(({ chat }) => chat))
  })

  it('has no text for no ids and for ids outside the vocabulary', async () => {
    const { codec } = await load()
    const [letter] = codec.encode('e', false).slice(-1)
    const text = codec.decode([letter!], false)
    expect(text).toMatch(/^#*e$/)
    expect(codec.decode([], true)).toBe('')
    expect(codec.decode([codec.vocabSize, -1, 1e9], false)).toBe('')
    expect(codec.decode([codec.vocabSize, letter!, 1e9], false)).toBe(text)
  })
})
