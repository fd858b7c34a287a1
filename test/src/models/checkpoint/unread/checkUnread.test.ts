import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ModelError } from '../../../../../src/core/errors.js'
import { loadEncoderCheckpoint } from '../../../../../src/models/checkpoint/loadEncoderCheckpoint.js'
import { buildEncoder } from '../../../../../src/models/graph/buildEncoder.js'
import type { EncoderReading } from '../../../../../src/models/graph/layers/encoder.js'
import { unreadOfEncoder } from '../../../../../src/models/loadEncoder.js'
import { readModel } from '../../../../../src/models/loadModel.js'
import { editTensors, readTensors, type StoredTensor, writeTensors, zeros } from '../storedTensors.js'

const golden = (name: string) => fileURLToPath(new URL(`../../../../../data/golden/${name}`, import.meta.url))
const WEIGHTS = 'model.safetensors'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-unread-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const into =
  (file: string, ...names: readonly string[]) =>
  () =>
    editTensors(join(folder, file), (all) => new Map([...all, ...names.map((name) => [name, zeros([3])] as const)]))
const fileOf =
  (file: string, ...names: readonly string[]) =>
  () =>
    writeTensors(join(folder, file), new Map(names.map((name): [string, StoredTensor] => [name, zeros([2])])))
const bytes = (file: string) => () => writeFile(join(folder, file), 'not read')
const read = (head: 'lm' | 'reward') => readModel(folder, { head, role: head })

/** What is said of a folder: its notices, or why it is refused. */
async function said(notices: () => Promise<readonly string[]>): Promise<string> {
  try {
    return (await notices()).join('\n')
  } catch (error) {
    expect(error).toBeInstanceOf(ModelError)
    return (error as ModelError).message
  }
}
const NOTHING = /^$/
const REFUSED = /^Expected a use for every tensor of the (reward|language model|encoder) in .*, found none for /

describe('a folder of a decoder with', () => {
  const extra = (names: string) => new RegExp(`${REFUSED.source}${names}`)
  const noted = (names: string) => new RegExp(`^The language model in .* does not use ${names}$`)
  it.each<[string, () => Promise<void>, asReward: RegExp, asLm: RegExp]>([
    [
      'a tensor that nobody knows',
      into(WEIGHTS, 'gating.weight'),
      extra('`gating.weight`: it may be an unsupported head'),
      noted('`gating.weight`'),
    ],
    ['one that has no dots', into(WEIGHTS, 'temperature'), extra('`temperature`'), noted('`temperature`')],
    [
      'several of them',
      into(WEIGHTS, 'a.weight', 'b.weight', 'c.weight', 'd.weight'),
      extra('`a.weight`, `b.weight`, `c.weight` and 1 more'),
      noted('`a.weight`, `b.weight`, `c.weight` and 1 more'),
    ],
    [
      'one of a type that is not read',
      () => editTensors(join(folder, WEIGHTS), (all) => new Map(all).set('steps', zeros([1], 'I64'))),
      extra('`steps`'),
      noted('`steps`'),
    ],
    [
      'a layer more than its config tells of',
      into(WEIGHTS, 'model.layers.9.mlp.up_proj.weight'),
      extra('`model.layers.9.mlp.up_proj.weight`'),
      extra('`model.layers.9.mlp.up_proj.weight`: its config.json does not mention this part'),
    ],
    [
      'a bias that its family does not have',
      into(WEIGHTS, 'model.layers.0.self_attn.q_proj.bias'),
      extra('`model.layers.0.self_attn.q_proj.bias`'),
      extra('`model.layers.0.self_attn.q_proj.bias`'),
    ],
    ['a bias of the output projection', into(WEIGHTS, 'lm_head.bias'), extra('`lm_head.bias`'), extra('`lm_head.bias`')],
    [
      'buffers that follow from its config',
      into(
        WEIGHTS,
        'model.layers.0.self_attn.rotary_emb.inv_freq',
        'model.rotary_emb.inv_freq',
        'model.layers.1.attn.masked_bias',
        'model.rotary_emb.cos_cached',
      ),
      NOTHING,
      NOTHING,
    ],
    [
      'another safetensors file of tensors of its own',
      fileOf('head.safetensors', 'summary.weight'),
      extra('`summary.weight` of head.safetensors: it may be an unsupported head'),
      noted('`summary.weight` of head.safetensors'),
    ],
    [
      'a shard that no index names',
      fileOf('model-00003-of-00003.safetensors', 'model.layers.2.mlp.up_proj.weight'),
      extra('`model.layers.2.mlp.up_proj.weight` of model-00003-of-00003.safetensors'),
      extra('`model.layers.2.mlp.up_proj.weight` of model-00003-of-00003.safetensors'),
    ],
    [
      'the same tensors in another precision',
      fileOf('model.fp16.safetensors', 'model.norm.weight'),
      /^The reward in .* does not use `model\.fp16\.safetensors`$/,
      /^The language model in .* does not use `model\.fp16\.safetensors`$/,
    ],
    [
      'weights and adapters in subfolders',
      async () => {
        for (const name of ['checkpoint-5', 'onnx', 'runs']) await mkdir(join(folder, name))
        await bytes('checkpoint-5/adapter_config.json')()
        await bytes('onnx/model.onnx')()
        await bytes('runs/events.out')()
      },
      /does not use `checkpoint-5\/adapter_config\.json`$/,
      /does not use `checkpoint-5\/adapter_config\.json`$/,
    ],
    [
      'a head in a format that is not read',
      bytes('score.npz'),
      /^Expected a reward's head as safetensors in .*, got score\.npz: weights of this format are not read$/,
      NOTHING,
    ],
    ['the same weights under other names', fileOf('consolidated.safetensors', 'norm.weight', 'output.weight'), NOTHING, NOTHING],
    ['the same weights pickled', bytes('pytorch_model.bin'), NOTHING, NOTHING],
    [
      'the state of a training run',
      async () => {
        await bytes('optimizer.pt')()
        await bytes('training_args.bin')()
      },
      NOTHING,
      NOTHING,
    ],
    ['pickled weights that nobody knows', bytes('extra.pt'), /^The reward in .* does not use `extra\.pt`$/, noted('`extra.pt`')],
    [
      'a pickled value head',
      bytes('value_head.bin'),
      /^Expected a reward's head as safetensors in .*, got value_head\.bin: pickled .*convert it with: python3 -c .* \S+value_head\.safetensors \S+value_head\.bin$/,
      NOTHING,
    ],
    [
      'another pickled head',
      bytes('v_head.pt'),
      /got v_head\.pt: pickled weights can run code when they are read, so they are refused$/,
      NOTHING,
    ],
  ])('%s', async (_, change, asReward, asLm) => {
    await cp(golden('vocabulary/reward'), folder, { recursive: true })
    await change()
    expect(await said(async () => (await read('reward')).notices)).toMatch(asReward)
    expect(await said(async () => (await read('lm')).notices)).toMatch(asLm)
  })

  it.each([
    ['classifier', 'labels', 'score.bias'],
    ['classifier', 'labels', 'v_head.weight'],
    ['value head', 'value-head', 'rating.weight'],
  ])('a %s refuses any tensor more', async (_, name, tensor) => {
    await cp(golden(`${name}/reward`), folder, { recursive: true })
    await into(WEIGHTS, tensor)()
    const reading = readModel(folder, { head: 'reward', role: 'reward r', ...(name === 'labels' && { label: '0' }) })
    await expect(reading).rejects.toThrow(`found none for \`${tensor}\`: it may be an unsupported head`)
  })

  it('a value head has no use for an output projection, and none for statistics that config.json does not apply', async () => {
    await cp(golden('value-summary/reward'), folder, { recursive: true })
    await into(WEIGHTS, 'normalizer.mean', 'normalizer.var')()
    expect((await read('reward')).notices).toEqual([])
  })

  it('a value head converted from a pickled one is read', async () => {
    await cp(golden('value-file/reward'), folder, { recursive: true })
    await bytes('value_head.bin')()
    expect((await read('reward')).reading!.kind).toBe('value')
  })

  it('a tensor of a shard that the index leaves out is no less there', async () => {
    await cp(golden('vocabulary/reward'), folder, { recursive: true })
    await into(WEIGHTS, 'gating.weight')()
    const names = [...(await readTensors(join(folder, WEIGHTS))).keys()]
    const shard = 'model-00001-of-00001.safetensors'
    await rename(join(folder, WEIGHTS), join(folder, shard))
    const map = Object.fromEntries(names.filter((name) => name !== 'gating.weight').map((name) => [name, shard]))
    await writeFile(join(folder, `${WEIGHTS}.index.json`), JSON.stringify({ weight_map: map }))
    await expect(read('reward')).rejects.toThrow('found none for `gating.weight`')
  })
})

describe('a folder of an encoder with', () => {
  const unread = async (read: EncoderReading) => {
    const checkpoint = await loadEncoderCheckpoint(folder)
    return unreadOfEncoder(checkpoint, buildEncoder(checkpoint.config, checkpoint.tensors, read).unusedTensors, read)
  }
  it.each<[string, string, () => Promise<void>, EncoderReading, RegExp]>([
    [
      'a tensor that nobody knows',
      'bert',
      into(WEIGHTS, 'dense.weight'),
      'mean',
      /^The encoder in .* does not use `dense\.weight`$/,
    ],
    ['a layer more', 'bert', into(WEIGHTS, 'encoder.layer.9.output.dense.bias'), 'mean', REFUSED],
    ['positions that are counted anew', 'bert', into(WEIGHTS, 'embeddings.position_ids'), 'mean', NOTHING],
    ['the head of a masked language model', 'bert-masked', async () => undefined, 'mean', NOTHING],
    ['a classifier that an embedding does not read', 'bert-classifier', async () => undefined, 'mean', NOTHING],
    ['a classifier and something more', 'bert-classifier', into(WEIGHTS, 'dense.weight'), { label: 0 }, REFUSED],
    ['a classifier and another language head', 'bert-classifier', into(WEIGHTS, 'cls.predictions.bias'), { label: 0 }, NOTHING],
    [
      'a file of other tensors',
      'bert',
      fileOf('dense.safetensors', 'linear.weight'),
      'mean',
      /does not use `linear\.weight` of dense\.safetensors$/,
    ],
  ])('%s', async (_, name, change, read, message) => {
    await cp(golden(`encoders/${name}`), folder, { recursive: true })
    await change()
    expect(await said(() => unread(read))).toMatch(message)
  })
})
