import { readdirSync, readFileSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ModelError, OptionError, ShapeError } from '../../../src/core/errors.js'
import { loadEncoderCheckpoint } from '../../../src/models/checkpoint/loadEncoderCheckpoint.js'
import { encoderCall, type LoadedEncoder, loadEncoder, startEncoder } from '../../../src/models/loadEncoder.js'

/** What test/reference/make_encoders.py writes; its head describes the fields. */
type Case = Readonly<{
  first: string
  second: string | null
  tokenIds: readonly number[]
  typeIds: readonly number[] | null
  mean: readonly number[]
  cls: readonly number[]
  pooler: readonly number[] | null
  logits: readonly number[] | null
}>

const root = fileURLToPath(new URL('../../../data/golden/encoders/', import.meta.url))
const names = readdirSync(root)
const casesOf = (name: string) => (JSON.parse(readFileSync(join(root, name, 'golden.json'), 'utf8')) as { cases: Case[] }).cases

const close = (actual: Float32Array, expected: readonly number[], what: string) => {
  expect(actual.length, what).toBe(expected.length)
  expected.forEach((value, i) => {
    const tolerance = 1e-4 * Math.max(1, Math.abs(value))
    expect(Math.abs(actual[i]! - value), `${what}[${i}]: ${actual[i]} beside ${value}`).toBeLessThan(tolerance)
  })
}

describe.each(names)('the encoder %s, against transformers', (name) => {
  const cases = casesOf(name)

  it('puts special tokens around texts and pairs', async () => {
    const { encode } = await loadEncoderCheckpoint(join(root, name))
    for (const { first, second, tokenIds, typeIds } of cases) {
      const encoded = encode(first, second ?? undefined)
      expect(encoded.tokenIds).toEqual(tokenIds)
      expect(encoded.typeIds).toEqual(typeIds ?? tokenIds.map(() => 0))
    }
  })

  it.each(['mean', 'cls', 'pooler'] as const)('gives the embeddings of pooling %s', async (pooling) => {
    const loading = loadEncoder(join(root, name), { pooling, threads: 1 })
    if (cases[0]![pooling] === null) return await expect(loading).rejects.toThrow(/pooler.dense.weight` .*found none/)
    const encoder = await loading
    const single = cases.filter(({ second }) => second === null)
    const embedded = await encoder.embed(single.map(({ first }) => first))
    for (const [i, one] of single.entries()) close(embedded[i]!, one[pooling]!, `${one.first} ${pooling}`)
    await encoder.close()
  })

  it('gives the logits of its labels, if any', async () => {
    const checkpoint = await loadEncoderCheckpoint(join(root, name))
    expect(checkpoint.config.labels.length).toBe(cases[0]!.logits?.length ?? 0)
    for (const label of checkpoint.config.labels.keys()) {
      const { worker } = await startEncoder(checkpoint, { label }, { threads: 1 })
      const calls = cases.map(({ first, second }) => encoderCall(checkpoint.encode(first, second ?? undefined)))
      const results = await worker.run(calls)
      for (const [i, { first, logits }] of cases.entries())
        close(results[i]!.values, [logits![label]!], `${first} label ${label}`)
      await worker.close()
    }
  })
})

describe('the embedded encoder', () => {
  it('gives the embeddings of transformers, within 1e-4', async () => {
    const golden = readFileSync(join(root, '../encoder/embeddings.json'), 'utf8')
    const { cases } = JSON.parse(golden) as { cases: Pick<Case, 'first' | 'tokenIds' | 'mean'>[] }
    const folder = join(root, '../../models/encoder')
    const { encode } = await loadEncoderCheckpoint(folder)
    for (const { first, tokenIds } of cases) expect(encode(first).tokenIds).toEqual(tokenIds)
    const encoder = await loadEncoder(folder, { threads: 1 })
    const embeddings = await encoder.embed(cases.map(({ first }) => first))
    for (const [i, { first, mean }] of cases.entries()) close(embeddings[i]!, mean, first)
    await encoder.close()
  })
})

describe('an encoder', () => {
  let encoder: LoadedEncoder
  beforeAll(async () => {
    encoder = await loadEncoder(join(root, 'bert'), { threads: 1 })
  })
  afterAll(() => encoder.close())

  it('gives a text the same bits alone and beside any others', async () => {
    const words = Array.from({ length: 40 }, (_, n) => `Item ${n} `.repeat(1 + (n % 18)))
    const all = await encoder.embed(words)
    const backwards = (await encoder.embed([...words].reverse())).reverse()
    expect(backwards).toEqual(all)
    for (const [index, text] of words.entries()) expect((await encoder.embed([text]))[0], text).toEqual(all[index])
  })

  it('refuses a text longer than its context, and cuts nothing', async () => {
    expect(encoder).toMatchObject({ width: 24, contextLength: 160 })
    await expect(encoder.embed(['short', 'a '.repeat(200)])).rejects.toThrow(ShapeError)
    await expect(encoder.embed(['short', 'a '.repeat(200)])).rejects.toThrow(/a text of 1 to 160 tokens, .* got 202/)
    await expect(encoder.embed(['a '.repeat(158)])).resolves.toHaveLength(1)
  })
})

describe('loadEncoder', () => {
  let folder: string | undefined
  afterEach(() => (folder ? rm(folder, { recursive: true, force: true }) : undefined))

  /** A copy of the encoder with other fields in its config. */
  async function changed(name: string, fields: Record<string, unknown>): Promise<string> {
    folder = await mkdtemp(join(tmpdir(), 'rxargs-encoder-'))
    await cp(join(root, name), folder, { recursive: true })
    const file = join(folder, 'config.json')
    await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...fields }))
    return folder
  }

  it.each([
    [{ position_embedding_type: 'relative_key' }, /`position_embedding_type` .* `absolute` .* got `"relative_key"`/],
    [{ is_decoder: true }, /`is_decoder` .* false .* got `true`/],
    [{ add_cross_attention: true }, /`add_cross_attention` .* got `true`/],
    [{ hidden_act: 'other' }, /`hidden_act` .* one of .*gelu.* got `"other"`/],
    [{ num_attention_heads: 5 }, /`hidden_size` .* multiple of 5/],
    [{ model_type: 'roberta' }, /`model_type` .* `bert` .* got `roberta`/],
    [{ type_vocab_size: 1 }, /`embeddings.token_type_embeddings.weight` .* shape \[1, 24\], got \[2, 24\]/],
    [{ architectures: ['GPT2LMHeadModel'] }, /Expected an encoder .*BertModel.* got \["GPT2LMHeadModel"\]/],
  ])('refuses %j', async (fields, message) => {
    const loading = loadEncoder(await changed('bert', fields), { threads: 1 })
    await expect(loading).rejects.toThrow(ModelError)
    await expect(loading).rejects.toThrow(message)
  })

  it('refuses a pooling that it does not have', async () => {
    await expect(loadEncoder(join(root, 'bert'), { pooling: 'max' as 'mean' })).rejects.toThrow(OptionError)
  })
})
