import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readModel } from '../../../../../src/models/loadModel.js'
import { type GgufParts, type GgufTensor, ggufBytes } from './ggufBytes.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-gguf-'))
})
afterAll(() => rm(folder, { recursive: true }))

const fields = {
  'general.architecture': 'llama',
  'llama.block_count': 1,
  'llama.context_length': 32,
  'llama.embedding_length': 8,
  'llama.feed_forward_length': 16,
  'llama.attention.head_count': 2,
  'llama.attention.layer_norm_rms_epsilon': 0.5,
  'tokenizer.ggml.model': 'gpt2',
  'tokenizer.ggml.pre': 'gpt-2',
  'tokenizer.ggml.tokens': ['a', 'b', 'ab', '</s>'],
  'tokenizer.ggml.token_type': [1, 1, 1, 3],
  'tokenizer.ggml.merges': ['a b'],
  'tokenizer.ggml.eos_token_id': 3,
}
const square: GgufTensor = { shape: [8, 8] }
const tensors: Readonly<Record<string, GgufTensor>> = {
  'token_embd.weight': { shape: [8, 4] },
  'blk.0.attn_norm.weight': { shape: [8] },
  'blk.0.attn_q.weight': square,
  'blk.0.attn_k.weight': square,
  'blk.0.attn_v.weight': square,
  'blk.0.attn_output.weight': square,
  'blk.0.ffn_norm.weight': { shape: [8] },
  'blk.0.ffn_gate.weight': { shape: [8, 16] },
  'blk.0.ffn_up.weight': { shape: [8, 16] },
  'blk.0.ffn_down.weight': { shape: [16, 8] },
  'output_norm.weight': { shape: [8] },
}
type Fields = Readonly<Record<string, GgufParts['fields'][number][1] | undefined>>
type Tensors = Readonly<Record<string, GgufTensor | undefined>>

const entries = <T>(record: Readonly<Record<string, T | undefined>>) =>
  Object.entries(record).filter((entry): entry is [string, T] => entry[1] !== undefined)

/** The bytes of a small model with some of its parts changed; those that are `undefined` are left out. */
const model = (changed: Fields = {}, others: Tensors = {}, more: Partial<GgufParts> = {}): Buffer =>
  ggufBytes({ fields: entries({ ...fields, ...changed }), tensors: entries({ ...tensors, ...others }), ...more })

async function read(bytes: Buffer) {
  const file = join(folder, 'model.gguf')
  await writeFile(file, bytes)
  return readModel(file, { head: 'lm', role: 'lm' })
}

/** Numbers and names of types that rxargs does not read. */
const unread = [
  [9, 'Q8_1'],
  [15, 'Q8_K'],
  [16, 'IQ2_XXS'],
  [18, 'IQ3_XXS'],
  [19, 'IQ1_S'],
  [23, 'IQ4_XS'],
  [28, 'F64'],
  [34, 'TQ1_0'],
] as const

const broken: readonly (readonly [what: string, bytes: () => Buffer, said: string])[] = [
  ['nothing', () => Buffer.alloc(0), 'got 0 bytes'],
  ['another magic', () => model({}, {}, { magic: 'GGML' }), 'magic'],
  ['an old version', () => model({}, {}, { version: 1 }), 'GGUF'],
  ['a version to come', () => model({}, {}, { version: 9 }), 'version "9"'],
  ['big-endian numbers', () => model({}, {}, { version: 3 << 24 }), 'GGUF'],
  ['a header that ends early', () => model().subarray(0, 300), 'truncated'],
  ['weights that end early', () => model().subarray(0, -64), 'truncated'],
  ['a tensor beyond the file', () => model({}, { 'output_norm.weight': { shape: [8], bytes: 0, offset: 1 << 20 } }), 'truncated'],
  ['tensors one over the other', () => model({}, { 'output_norm.weight': { shape: [8], offset: 0 } }), 'not to overlap'],
  ['a tensor at an odd place', () => model({}, { 'output_norm.weight': { shape: [8], offset: 4100 } }), 'multiple of 32'],
  ...unread.map(
    ([type, name]) => [`type ${name}`, () => model({}, { 'blk.0.attn_q.weight': { ...square, type } }), `got ${name}`] as const,
  ),
  ['a type that there is not', () => model({}, { 'blk.0.attn_q.weight': { ...square, type: 99 } }), 'got number 99'],
  ['rows that are no whole blocks', () => model({}, { 'blk.0.attn_q.weight': { ...square, type: 8 } }), 'multiple of 32 (Q8_0)'],
  ['an empty tensor', () => model({}, { 'output_norm.weight': { shape: [0] } }), 'to hold weights'],
  ['a tensor too few', () => model({}, { 'blk.0.ffn_up.weight': undefined }), 'found none'],
  ['a tensor too many', () => model({}, { 'blk.0.attn_sinks.weight': { shape: [2] } }), 'blk.0.attn_sinks.weight'],
  ['no embedding', () => model({}, { 'token_embd.weight': undefined }), '`token_embd.weight`'],
  ['a tensor of another shape', () => model({}, { 'blk.0.ffn_up.weight': { shape: [8, 15] } }), 'to have shape [16, 8]'],
  ['a layer of tanh in front of a classifier', () => model({}, { 'cls.weight': square }), '`cls.weight`'],
  ['no architecture', () => model({ 'general.architecture': undefined }), 'got null'],
  ['an architecture that is not built', () => model({ 'general.architecture': 'mamba' }), 'got "mamba"'],
  ['an adapter', () => model({ 'general.type': 'adapter' }), 'got "adapter"'],
  ['one of several parts', () => model({ 'split.count': 3 }), 'one of 3 parts'],
  ['an odd alignment', () => model({ 'general.alignment': 24 }), 'power of two'],
  ['no number of layers', () => model({ 'llama.block_count': undefined }), '`llama.block_count`'],
  ['a text for a number', () => model({ 'llama.context_length': 'long' }), '`llama.context_length`'],
  ['heads by layer', () => model({ 'llama.attention.head_count': [2, 2] }), 'one integer >= 1'],
  ['experts', () => model({ 'llama.expert_count': 8 }), 'mixtures of experts'],
  ['a key that is not known', () => model({ 'llama.attention.new': 2 }), '`llama.attention.new` = 2'],
  ['an embedding of texts', () => model({ 'llama.pooling_type': 1 }), '`llama.pooling_type`'],
  ['a classifier without its layer', () => model({ 'llama.pooling_type': 4 }), '`cls.output.weight`'],
  ['no tokenizer', () => model({ 'tokenizer.ggml.model': undefined }), '`tokenizer.ggml.model`'],
  ['another tokenizer', () => model({ 'tokenizer.ggml.model': 'bert' }), 'got `"bert"`'],
  ['a pre-tokenizer that is not known', () => model({ 'tokenizer.ggml.pre': 'mystery' }), 'got `mystery`'],
  ['no pre-tokenizer', () => model({ 'tokenizer.ggml.pre': undefined }), 'got none'],
  ['no merges', () => model({ 'tokenizer.ggml.merges': undefined }), '`tokenizer.ggml.merges`'],
  ['merges of other tokens', () => model({ 'tokenizer.ggml.merges': ['a x'] }), 'vocabulary lacks'],
  ['kinds of other tokens', () => model({ 'tokenizer.ggml.token_type': [1] }), 'for each of 4 tokens'],
  ['SentencePiece without scores', () => model({ 'tokenizer.ggml.model': 'llama' }), '`tokenizer.ggml.scores`'],
  ['an end token beyond its tokens', () => model({ 'tokenizer.ggml.eos_token_id': 9 }), 'eos_token_id'],
]

describe('a GGUF file', () => {
  it('is read if it is valid', async () => {
    const { config, generation, codec } = await read(model())
    expect(config).toMatchObject({ family: 'llama', hiddenSize: 8, layers: 1, vocabSize: 4, tieWordEmbeddings: true })
    expect(generation.endTokenIds).toEqual([3])
    expect(codec.encode('abba</s>', true)).toEqual([2, 1, 0, 3])
  })

  it.each(broken)('is refused in one line with %s', async (_, bytes, said) => {
    const error = await read(bytes()).then(
      () => undefined,
      (reason: Error) => reason,
    )
    expect(error?.name).toBe('ModelError')
    expect(error?.message).toContain(said)
    expect(error?.message).toContain('model.gguf')
    expect(error?.message).not.toContain('\n')
  })

  it('is refused if a key comes twice, it is a folder, or it does not exist', async () => {
    const twice = ggufBytes({ fields: [...entries(fields), ['llama.block_count', 1]], tensors: entries(tensors) })
    await expect(read(twice)).rejects.toThrow('once')
    await mkdir(join(folder, 'folder.gguf'))
    await expect(readModel(join(folder, 'folder.gguf'), { head: 'lm', role: 'lm' })).rejects.toThrow('found a folder')
    await expect(readModel(join(folder, 'no.gguf'), { head: 'lm', role: 'lm' })).rejects.toThrow('found nothing there')
  })
})
