import { createHash } from 'node:crypto'
import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hashFiles, hashFolder } from '../../../../src/models/checkpoint/hashFolder.js'
import { loadCheckpoint } from '../../../../src/models/checkpoint/loadCheckpoint.js'
import { writeSafetensors } from './weights/writeSafetensors.js'

let folder: string
const VOCABULARY = 400
const config = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 8,
  intermediate_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  vocab_size: VOCABULARY,
  eos_token_id: 1,
}
const writeJson = (name: string, json: unknown) => writeFile(join(folder, name), JSON.stringify(json))

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-checkpoint-'))
  await cp(join(import.meta.dirname, 'tokenizer', 'tokenizers', 'words'), folder, { recursive: true })
  await writeJson('config.json', config)
  await writeSafetensors(join(folder, 'model.safetensors'), [{ name: 'norm', dtype: 'F16', shape: [8] }])
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const refused = async (message: RegExp, path = folder) => {
  const error = await loadCheckpoint(path).then(
    () => undefined,
    (reason: unknown) => reason as Error,
  )
  expect(error?.message).toMatch(message)
  expect(error?.name).toBe('ModelError')
}

describe('loadCheckpoint', () => {
  it('puts config, weights, generation config and tokenizer together', async () => {
    const checkpoint = await loadCheckpoint(folder)
    expect(checkpoint.folder).toBe(folder)
    expect(checkpoint.config).toMatchObject({ family: 'llama', head: 'lm', vocabSize: VOCABULARY })
    expect(checkpoint.tensors.require('norm', [8]).dtype).toBe('F16')
    expect(checkpoint.generation).toEqual({ endTokenIds: [1], stopStrings: [], notices: [] })
    expect(checkpoint.codec.decode(checkpoint.codec.encode('Hello', true), true)).toBe('Hello')
  })

  it.each([
    [{ eos_token_id: 3 }, { endTokenIds: [3], stopStrings: [], notices: [] }],
    [
      { eos_token_id: [5, 3, 5], stop_strings: ['\n\nHuman:', 'END', 'END'] },
      { endTokenIds: [5, 3], stopStrings: ['\n\nHuman:', 'END'], notices: [] },
    ],
    [
      { eos_token_id: null, stop_strings: 'END', temperature: 0.6 },
      { endTokenIds: [1], stopStrings: ['END'], notices: [] },
    ],
  ])('takes ends of generation_config.json before those of config.json: %j', async (generation, expected) => {
    await writeJson('generation_config.json', generation)
    expect((await loadCheckpoint(folder)).generation).toEqual(expected)
  })

  it.each([
    [{ eos_token_id: VOCABULARY }, /`eos_token_id` in .*generation_config\.json to be below the vocabulary size 400, got `400`/],
    [{ eos_token_id: 'end' }, /`eos_token_id` .*a token id or a list of them, got `"end"`/],
    [{ stop_strings: [''] }, /`stop_strings` .*a string or a list of strings/],
  ])('refuses the generation config %j', async (generation, message) => {
    await writeJson('generation_config.json', generation)
    await refused(message)
  })

  it('has no end tokens when the model names none', async () => {
    await writeJson('config.json', { ...config, eos_token_id: null })
    expect((await loadCheckpoint(folder)).generation.endTokenIds).toEqual([])
  })

  it('refuses a tokenizer with more ids than the model', async () => {
    await writeJson('config.json', { ...config, vocab_size: 100 })
    await refused(/tokenizer in .* to fit the vocabulary of 100 in config\.json, got token ids up to \d+/)
  })

  it.each(['config.json', 'tokenizer.json', 'model.safetensors'])('says that %s is missing', async (name) => {
    await rm(join(folder, name))
    await refused(new RegExp(`Expected .*${name}`))
  })

  it('says that a folder is missing, or is a file', async () => {
    await refused(/Expected a model folder at .*nowhere, found nothing there/, join(folder, 'nowhere'))
    await refused(/Expected a model folder at .*config\.json, found a file/, join(folder, 'config.json'))
    await refused(/found nothing there/, join(folder, 'config.json', 'deeper'))
  })
})

describe('hashFolder', () => {
  it('hashes the files that the model is read from, and no others', async () => {
    await writeFile(join(folder, 'README.md'), 'a card')
    const names = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']
    const sums = await Promise.all(
      names.map(async (name) =>
        createHash('sha256')
          .update(await readFile(join(folder, name)))
          .digest('hex'),
      ),
    )
    expect([...(await hashFiles(folder))]).toEqual(names.map((name, index) => [name, sums[index]]))
    const lines = names.map((name, index) => `${name}:${sums[index]}\n`).join('')
    expect(await hashFolder(folder)).toBe(createHash('sha256').update(lines).digest('hex'))
  })

  it('hashes every shard with its index', async () => {
    await rename(join(folder, 'model.safetensors'), join(folder, 'model-1.safetensors'))
    await writeJson('model.safetensors.index.json', { weight_map: { norm: 'model-1.safetensors' } })
    expect([...(await hashFiles(folder)).keys()]).toEqual([
      'config.json',
      'model-1.safetensors',
      'model.safetensors.index.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ])
  })

  it('changes with one byte of the weights', async () => {
    const before = await hashFolder(folder)
    await writeSafetensors(join(folder, 'model.safetensors'), [{ name: 'norm', dtype: 'F16', shape: [8], fill: 1 }])
    expect(await hashFolder(folder)).not.toBe(before)
  })

  it('names a shard that is not there', async () => {
    await rm(join(folder, 'model.safetensors'))
    await writeJson('model.safetensors.index.json', { weight_map: { norm: 'model-9.safetensors' } })
    await expect(hashFolder(folder)).rejects.toThrow(/model-9\.safetensors/)
  })
})
