import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadCodec } from '../../../../../src/models/checkpoint/tokenizer/loadCodec.js'
import { readTokenizerFiles } from '../../../../../src/models/checkpoint/tokenizer/tokenizerFiles.js'

const tokenizers = join(import.meta.dirname, 'tokenizers')
type Json = Record<string, unknown>

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-settings-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const write = (name: string, json: unknown) => writeFile(join(folder, name), JSON.stringify(json))
const read = async (name: string) => JSON.parse(await readFile(join(folder, name), 'utf8')) as Json
/** A copy of a tokenizer with settings of its own. */
async function withSettings(name: string, settings: Json): Promise<void> {
  await cp(join(tokenizers, name), folder, { recursive: true })
  await write('tokenizer_config.json', { ...(await read('tokenizer_config.json').catch(() => ({}))), ...settings })
}

describe('added_tokens.json', () => {
  it('gives an older folder its added tokens, whole in the text and in the reply', async () => {
    await withSettings('vocab', { tokenizer_class: 'GPT2Tokenizer', pad_token: '<|bot|>' })
    const { vocabSize: next } = await loadCodec(folder)
    await write('added_tokens.json', { '<|user|>': next - 1, '<|bot|>': next })
    const codec = await loadCodec(folder)
    expect(codec.encode('<|user|>a<|bot|>', false)).toEqual([next - 1, ...codec.encode('a', false), next])
    expect(codec.decode([next - 1, next], true)).toBe('<|user|>')
  })

  it('is refused where an id is taken, or is none', async () => {
    await withSettings('vocab', { tokenizer_class: 'GPT2Tokenizer' })
    await write('added_tokens.json', { '<|user|>': 0 })
    await expect(loadCodec(folder)).rejects.toThrow(/the token "<\|user\|>" in .*added_tokens\.json to have the id \d+, got 0/)
    await write('added_tokens.json', { '<|user|>': 'x' })
    await expect(loadCodec(folder)).rejects.toThrow(/added_tokens\.json to hold tokens with their ids, got `"x"`/)
  })
})

describe('special tokens that only tokenizer_config.json names', () => {
  it('get the ids after the last, in the order of transformers, and `inspect` states those', async () => {
    await withSettings('words', {})
    const { vocabSize: next } = await loadCodec(folder)
    await withSettings('words', { extra_special_tokens: ['<x>'], image_token: '<img>', pad_token: '<pad>' })
    const codec = await loadCodec(folder)
    expect(codec.encode('<pad><img><x>', false)).toEqual([next, next + 1, next + 2])
    expect(codec.decode([next, next + 1, next + 2], true)).toBe('')
    const { specialTokens, specialIdOf } = await readTokenizerFiles(folder)
    expect(specialIdOf(specialTokens.get('image_token')!)).toBe(next + 1)
  })
})

describe('split_special_tokens', () => {
  it('makes text of a special token that a prompt spells out', async () => {
    await withSettings('words', {})
    const whole = (await loadCodec(folder)).encode('a<|end|>b', false)
    await withSettings('words', { split_special_tokens: true })
    const codec = await loadCodec(folder)
    const split = codec.encode('a<|end|>b', false)
    expect(split.length).toBeGreaterThan(whole.length)
    expect(codec.decode(split, true)).toBe('a<|end|>b')
  })
})

describe('add_prefix_space', () => {
  const bytes = async () => {
    const json = await read('tokenizer.json')
    const part = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
    await write('tokenizer.json', { ...json, pre_tokenizer: part, normalizer: null })
  }
  it.each(['GPT2Tokenizer', 'GPT2TokenizerFast', 'Qwen2Tokenizer', 'RobertaTokenizer'])('counts for %s', async (name) => {
    await withSettings('words', { tokenizer_class: name, add_prefix_space: true })
    await bytes()
    const codec = await loadCodec(folder)
    expect(codec.encode('ab', false)).toEqual(codec.encode(' ab', false))
  })

  it('does not for a class that takes tokenizer.json as it is', async () => {
    await withSettings('words', { tokenizer_class: 'PreTrainedTokenizerFast', add_prefix_space: true })
    await bytes()
    const codec = await loadCodec(folder)
    expect(codec.encode('ab', false)).not.toEqual(codec.encode(' ab', false))
  })

  it('is refused where it contradicts tokenizer.json and the class is another', async () => {
    await withSettings('words', { tokenizer_class: 'BloomTokenizer', add_prefix_space: true })
    await bytes()
    await expect(loadCodec(folder)).rejects.toThrow(/`add_prefix_space` in .* to agree with tokenizer\.json, which says false/)
  })
})

it('refuses what changes token ids and is not supported, and names what it does not know', async () => {
  await withSettings('words', { fix_mistral_regex: true })
  await expect(loadCodec(folder)).rejects.toThrow(/`fix_mistral_regex` in .*tokenizer_config\.json to be false/)
  await withSettings('words', { fix_mistral_regex: false, model_max_length: 5, padding_side: 'left', spell_backwards: true })
  expect((await loadCodec(folder)).notices).toEqual([
    `Settings of ${join(folder, 'tokenizer_config.json')} that are not applied: \`spell_backwards\``,
  ])
})
