import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ModelError } from '../../../../../src/core/errors.js'
import { readSafetensors } from '../../../../../src/models/checkpoint/weights/safetensors.js'
import { buildGraph } from '../../../../../src/models/graph/buildGraph.js'
import { linearWork } from '../../../../../src/models/linearWork.js'
import { loadModel } from '../../../../../src/models/loadModel.js'
import { safetensorsBytes } from '../../checkpoint/weights/writeSafetensors.js'
import { chain, configOf, goldenFolder, openGraph } from '../graphSession.js'

const model = (path: string) => join(goldenFolder, path)
const ids = Array.from({ length: 60 }, (_, i) => 3 + ((i * 37 + ((i * i) % 13)) % 270))
const answerOf = async (path: string, changed: Record<string, unknown> = {}) => {
  const graph = await openGraph(model(path), changed)
  const [answer] = await graph.run([chain(graph.empty(), ids)])
  await graph.session.release()
  return answer!.heads[0]!
}

const pairs = ['opt', 'opt-350m', 'opt-plain', 'gpt2', 'gpt2-scaled', 'gpt_neox', 'gpt_neox-serial']
const models = pairs.flatMap((pair) => [`${pair}/lm`, `${pair}/reward`])

describe('every switch of the config', () => {
  it.each([
    ['activation_function of OPT', 'opt/lm', { activation: 'gelu' }],
    ['enable_bias', 'opt/lm', { bias: false }],
    ['layer_norm_elementwise_affine', 'opt/lm', { normAffine: false }],
    ['_remove_final_layer_norm', 'opt/lm', { finalNorm: false }],
    ['do_layer_norm_before', 'opt/reward', { normBefore: false }],
    ['activation_function of GPT-2', 'gpt2/lm', { activation: 'quick_gelu' }],
    ['tanh instead of erf in gelu', 'gpt2/reward', { activation: 'gelu_tanh' }, 1e-5],
    ['layer_norm_epsilon', 'gpt2-scaled/lm', { layerNormEps: 1e-5 }],
    ['scale_attn_weights', 'gpt2-scaled/lm', { scaleByHeadDim: true }],
    ['scale_attn_by_inverse_layer_idx', 'gpt2-scaled/reward', { scaleByLayer: false }],
    ['hidden_act', 'gpt_neox/lm', { activation: 'relu' }],
    ['rotary_emb_base', 'gpt_neox/lm', { ropeTheta: 10_000 }],
    ['rotary_pct', 'gpt_neox/lm', { rotaryDim: 8 }],
    ['use_parallel_residual', 'gpt_neox/lm', { parallelResidual: false }],
    ['attention_bias', 'gpt_neox/lm', { attentionBias: false }],
    ['layer_norm_eps', 'gpt_neox-serial/lm', { layerNormEps: 1e-5 }],
    ['rope scaling', 'gpt_neox-serial/lm', { ropeScaling: { type: 'none' } }],
  ] as [string, string, Record<string, unknown>, number?][])('%s changes the answer', async (...row) => {
    const [, path, changed, least = 1e-3] = row
    const [before, after] = [await answerOf(path), await answerOf(path, changed)]
    const gap = Math.max(...before.map((value, i) => Math.abs(value - after[i]!)))
    expect(gap).toBeGreaterThan(least)
  })

  it.each([
    ['n_positions', 'gpt2/lm', { contextLength: 300 }, 'wpe.weight` in'],
    ['max_position_embeddings', 'opt/lm', { contextLength: 300 }, 'embed_positions.weight'],
    ['word_embed_proj_dim', 'opt/lm', { embeddingSize: 16 }, 'embed_tokens.weight'],
    ['n_inner', 'gpt2/reward', { intermediateSize: 48 }, 'mlp.c_fc.weight'],
    ['attention_bias', 'gpt_neox-serial/lm', { attentionBias: true }, 'query_key_value.bias'],
    ['num_hidden_layers', 'gpt_neox/reward', { layers: 3 }, 'layers.2.'],
  ])('%s that does not fit the weights: the error names a tensor', async (_, path, changed, tensor) => {
    await expect(openGraph(model(path), changed)).rejects.toThrow(tensor)
    await expect(openGraph(model(path), changed)).rejects.toThrow(ModelError)
  })
})

describe.each(models)('%s', (path) => {
  it('uses all of its weights, and counts the work of each', async () => {
    const [config, tensors] = [configOf(model(path)), await readSafetensors(model(path))]
    expect(buildGraph(config, tensors).unusedTensors).toEqual([])
    const tables = /(wte|wpe|embed_tokens|embed_positions|embed_in)\.weight$/
    const sizes = [...tensors.entries].map(([name, { shape }]) => ({
      name,
      size: shape.length === 2 ? shape[0]! * shape[1]! : 0,
    }))
    const linear = sizes.filter(({ name }) => !tables.test(name)).reduce((sum, { size }) => sum + size, 0)
    const embedding = sizes.find(({ name }) => /(wte|embed_tokens|embed_in)\.weight$/.test(name))!.size
    const tied = config.head === 'lm' && config.tieWordEmbeddings ? embedding : 0
    const { flops, bytes } = linearWork(config)
    expect(flops({ tokens: 1, reads: 1 })).toBe(2 * (linear + tied))
    expect(bytes).toBe(4 * (linear + tied))
  })
})

describe('the reward models of the paper, DeepSpeed-Chat with a value head on OPT', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'rxargs-value-head-'))
  afterAll(() => rmSync(scratch, { recursive: true }))

  it.each(['opt', 'opt-350m'])('give the rewards of a classifier with the same weights (%s)', async (pair) => {
    const original = model(`${pair}/reward`)
    const folder = join(scratch, pair)
    cpSync(original, folder, { recursive: true })
    const bytes = readFileSync(join(original, 'model.safetensors'))
    const size = Number(bytes.readBigUInt64LE())
    const header = bytes.subarray(8, 8 + size).toString()
    const renamed = header.replaceAll('"model.decoder.', '"rwtranrsformer.decoder.').replace('"score.', '"v_head.')
    writeFileSync(join(folder, 'model.safetensors'), safetensorsBytes(renamed, bytes.subarray(8 + size)))
    const config = JSON.parse(readFileSync(join(original, 'config.json'), 'utf8')) as object
    const plain = { ...config, architectures: ['OPTForCausalLM'], id2label: undefined, label2id: undefined }
    writeFileSync(join(folder, 'config.json'), JSON.stringify(plain))

    const rewards = [original, folder].map(async (path) => {
      const { worker } = await loadModel(path, { head: 'reward', role: 'reward', threads: 1 })
      const [result] = await worker.run([{ key: {}, tokenIds: Int32Array.from(ids), branches: [[5], [9]] }])
      await worker.close()
      return [...result!.values]
    })
    expect(await rewards[1]).toEqual(await rewards[0])
  })
})
