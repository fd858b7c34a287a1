import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { onnxContract } from '../../../../src/models/onnx/onnxContract.js'
import { type OnnxHeader, readOnnxHeader } from '../../../../src/models/onnx/readOnnxHeader.js'

const golden = (name: string) => fileURLToPath(new URL(`../../../../data/golden/${name}`, import.meta.url))
const read = async (name: string) => onnxContract(await readOnnxHeader(golden(name)), name)
const plane = (name: string, heads: number, headDim: number, type = 'float32') => ({
  past: `past_key_values.${name}`,
  present: `present.${name}`,
  heads,
  headDim,
  type,
})

describe('the contract of a graph', () => {
  it.each<[string, string[], string, boolean, boolean?]>([
    ['onnx-llama/lm/onnx/model.onnx', ['attention_mask', 'position_ids'], 'float32', true],
    ['onnx-llama/lm/onnx/decoder_model_merged.onnx', ['attention_mask', 'position_ids', 'use_cache_branch'], 'float32', true],
    ['onnx-llama/lm/onnx/model_gqa.onnx', ['attention_mask'], 'float32', true],
    ['onnx-llama/lm/onnx/model_fp16.onnx', ['attention_mask', 'position_ids'], 'float16', true],
    ['onnx-llama/lm/onnx/model_q4.onnx', ['attention_mask', 'position_ids'], 'float32', true, true],
  ])('has inputs and cache of %s', async (name, inputs, type, rowsApart, evenRows = false) => {
    const { planes, ...rest } = await read(name)
    expect({ ...rest, inputs: rest.inputs.toSorted() }).toEqual({ inputs, width: 280, pooled: false, rowsApart, evenRows })
    const names = ['0.key', '0.value', '1.key', '1.value']
    expect(planes).toEqual(names.map((each) => plane(each, 1, 16, type)))
  })

  it('has no cache for rewards, and reads other inputs', async () => {
    expect(await read('onnx-llama/reward/onnx/model.onnx')).toMatchObject({ planes: [], pooled: true, width: 1 })
    expect((await read('onnx-encoder/reward/model.onnx')).inputs).toContain('token_type_ids')
    expect((await read('onnx-opt/lm/model.onnx')).inputs).toEqual(['attention_mask'])
  })

  it('lists the files of external weights', async () => {
    expect((await readOnnxHeader(golden('onnx-opt/lm/model.onnx'))).dataFiles).toEqual(['model.onnx_data'])
    expect((await readOnnxHeader(golden('onnx-llama/lm/onnx/model.onnx'))).dataFiles).toEqual([])
  })
})

const int64 = (name: string, dims: readonly (string | number)[] = ['B', 'S']) => ({ name, type: 'int64', dims })
const float = (name: string, dims: readonly (string | number)[], type = 'float') => ({ name, type, dims })
const past = (name: string, dims: readonly (string | number)[] = ['B', 2, 'T', 4]) => float(`past_key_values.${name}`, dims)
const present = (name: string, type = 'float') => float(`present.${name}`, ['B', 2, 'T', 4], type)
const logits = float('logits', ['B', 'S', 10])
const header = (changed: Partial<OnnxHeader>): OnnxHeader => ({
  inputs: [int64('input_ids')],
  outputs: [logits],
  operators: [],
  dataFiles: [],
  ...changed,
})

describe('onnxContract refuses by name', () => {
  it.each<[string, Partial<OnnxHeader>, RegExp]>([
    ['no ids', { inputs: [] }, /an input `input_ids` int64 \[B, S\] in m, got none/],
    ['ids of another type', { inputs: [float('input_ids', ['B', 'S'])] }, /got `input_ids` float \[B, S\]/],
    [
      'an encoder-decoder',
      { inputs: [int64('input_ids'), float('encoder_hidden_states', ['B', 'S', 8])] },
      /got `encoder_hidden_states` float/,
    ],
    [
      'a mask of floats',
      { inputs: [int64('input_ids'), float('attention_mask', ['B', 'S'])] },
      /`attention_mask` to be int64 .* got `attention_mask` float/,
    ],
    [
      'half a layer',
      { inputs: [int64('input_ids'), past('0.key')], outputs: [logits, present('0.key')] },
      /an input `past_key_values\.0\.value`, as other layers have in m, got none/,
    ],
    [
      'a cache that does not come back',
      { inputs: [int64('input_ids'), past('0.key'), past('0.value')] },
      /an output `present\.0\.key` for `past_key_values\.0\.key`/,
    ],
    [
      'a cache in three parts',
      {
        inputs: [int64('input_ids'), past('0.key', ['B', 'T', 8]), past('0.value')],
        outputs: [logits, present('0.key'), present('0.value')],
      },
      /`past_key_values\.0\.key` to be \[B, heads, T, width\]/,
    ],
    [
      'heads that are not fixed',
      {
        inputs: [int64('input_ids'), past('0.key', ['B', 'H', 'T', 4]), past('0.value')],
        outputs: [logits, present('0.key'), present('0.value')],
      },
      /heads and width fixed in m, got `past_key_values\.0\.key` float \[B, H, T, 4\]/,
    ],
    [
      'types that differ',
      {
        inputs: [int64('input_ids'), past('0.key'), past('0.value')],
        outputs: [logits, present('0.key', 'float16'), present('0.value')],
      },
      /both float or both float16 in m, got float and float16/,
    ],
    ['no logits', { outputs: [float('last_hidden_state', ['B', 'S', 8])] }, /an output `logits` .* got last_hidden_state/],
    ['logits of integers', { outputs: [int64('logits', ['B', 1])] }, /got `logits` int64 \[B, 1\]/],
  ])('%s', (_, changed, message) => expect(() => onnxContract(header(changed), 'm')).toThrow(message))
})

describe('rows share a run', () => {
  it.each([
    [[{ name: ':MatMul' }, { name: ':Softmax' }, { name: 'com.microsoft:MatMulNBits', accuracyLevel: 4 }], true],
    [[{ name: 'com.microsoft:MatMulNBits', accuracyLevel: 0 }], false],
    [[{ name: 'com.microsoft:MatMulNBits' }], false],
    [[{ name: ':DynamicQuantizeLinear' }, { name: ':MatMulInteger' }], false],
    [[{ name: 'com.microsoft:GroupQueryAttention' }, { name: 'com.microsoft:SkipSimplifiedLayerNormalization' }], true],
    [[{ name: 'com.microsoft:MultiHeadAttention' }], false],
    [[{ name: ':Attention' }], false],
  ])('of a graph with %j: %s', (operators, expected) => expect(onnxContract(header({ operators }), 'm').rowsApart).toBe(expected))
})

describe('rows of one token come in even numbers', () => {
  it.each([
    [[{ name: 'com.microsoft:MatMulNBits', accuracyLevel: 4 }], true],
    [[{ name: 'com.microsoft:MatMulNBits', accuracyLevel: 4, bits: 4 }], true],
    [[{ name: 'com.microsoft:MatMulNBits', accuracyLevel: 4, bits: 8 }], false],
    [[{ name: ':MatMul' }], false],
  ])('of a graph with %j: %s', (operators, expected) => expect(onnxContract(header({ operators }), 'm').evenRows).toBe(expected))
})

describe('a file that is no ONNX model', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rxargs-onnx-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('is refused for any damage', async () => {
    const whole = await readFile(golden('onnx-llama/lm/onnx/model.onnx'))
    const pointer = Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 12\n')
    const files = {
      empty: Buffer.alloc(0),
      pointer,
      text: Buffer.from('<!doctype html>'),
      cut: whole.subarray(0, whole.length / 2),
      short: whole.subarray(0, 20),
      tail: Buffer.concat([whole, Buffer.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f])]),
      endless: Buffer.alloc(64, 0xff),
    }
    for (const [name, bytes] of Object.entries(files)) {
      await writeFile(join(folder, name), bytes)
      const error = await readOnnxHeader(join(folder, name)).catch((reason: unknown) => reason as Error)
      expect(error, name).toMatchObject({
        name: 'ModelError',
        message: expect.stringMatching(/^Expected an ONNX model in [^\n]*$/),
      })
    }
    await expect(readOnnxHeader(join(folder, 'none'))).rejects.toThrow(/Expected to read .*none/)
  })
})
