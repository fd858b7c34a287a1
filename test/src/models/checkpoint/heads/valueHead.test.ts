import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { args } from '../../../../../pipelines/decoders/args.js'
import { rewardMeasure } from '../../../../../pipelines/evaluation/measures.js'
import { generate } from '../../../../../pipelines/run/generate.js'
import type { Reply } from '../../../../../src/core/run.js'
import { hashFolder } from '../../../../../src/models/checkpoint/hashFolder.js'
import { rewardClasses } from '../../../../../src/models/checkpoint/heads/headSettings.js'
import { pairSizes, writeRandomPair } from '../../../../../src/models/checkpoint/writeRandomPair.js'
import type { WeightDtype } from '../../../../../src/models/graph/quantize.js'
import { readModel } from '../../../../../src/models/loadModel.js'
import { loadModels } from '../../../../../src/models/loadModels.js'
import { loadReward } from '../../../../../src/models/loadReward.js'
import { promptsOf, rowsOf, settled } from '../../../../fakes.js'
import { editTensors, type StoredTensor, zeros } from '../storedTensors.js'

const golden = (name: string) => fileURLToPath(new URL(`../../../../../data/golden/${name}/reward`, import.meta.url))
const reply = { id: 'a', sample: 0, prompt: 'How far', completion: ' is the moon?' } as Reply

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-value-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const config = async (fields: Record<string, unknown>) => {
  const file = join(folder, 'config.json')
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...fields }))
}
const renamed = (from: string, to: string) => (tensors: Map<string, StoredTensor>) =>
  new Map([...tensors].map(([name, tensor]) => [name.replace(from, to), tensor]))
const tensors = (edit: (tensors: Map<string, StoredTensor>) => Map<string, StoredTensor>) =>
  editTensors(join(folder, 'model.safetensors'), edit)
const added = (...names: readonly (readonly [string, StoredTensor])[]) => tensors((all) => new Map([...all, ...names]))

async function rewardOf(path: string): Promise<number> {
  const { source, notices, close } = await loadReward({ name: 'r', path }, { threads: 1, maxBatch: 4 })
  try {
    expect(notices).toEqual([])
    return (await rewardMeasure(source).measure([reply]))[0]!
  } finally {
    await close()
  }
}
const read = (dtype?: WeightDtype) => readModel(folder, { head: 'reward', role: 'reward r', ...(dtype && { dtype }) })

describe('a value head in a language model’s checkpoint', () => {
  it.each(['v_head', 'value_head', 'score', 'regression_head', 'score_head', 'reward_head'])(
    'is read where it is called %s, with its bias',
    async (path) => {
      await cp(golden('value-summary'), folder, { recursive: true })
      await tensors(renamed('v_head.summary.', `${path}.`))
      expect(await rewardOf(folder)).toBe(await rewardOf(golden('value-summary')))
    },
  )

  it('is read under the path that `value_head_prefix` names', async () => {
    await cp(golden('value-summary'), folder, { recursive: true })
    await tensors(renamed('v_head.summary.', 'my_head.'))
    await expect(read()).rejects.toThrow('found none for `my_head')
    await config({ value_head_prefix: 'my_head' })
    expect(await rewardOf(folder)).toBe(await rewardOf(golden('value-summary')))
  })

  it('is read without a bias', async () => {
    await cp(golden('value-summary'), folder, { recursive: true })
    await tensors((all) => new Map([...all].filter(([name]) => name !== 'v_head.summary.bias')))
    expect(await rewardOf(folder)).toBeCloseTo((await rewardOf(golden('value-summary'))) - 0.7, 3)
  })

  it('named score is read as layers with ReLU between them', async () => {
    await cp(golden('value-stack'), folder, { recursive: true })
    await tensors(renamed('v_head.summary.', 'score.'))
    for (const architecture of ['INFORMForSequenceClassification', 'LlamaForCausalLM', 'LlamaForSequenceClassification']) {
      await config({ architectures: [architecture], num_labels: 1, vhead_layer_type: undefined })
      expect(await rewardOf(folder)).toBe(await rewardOf(golden('value-stack')))
    }
  })

  it.each([...rewardClasses])('is read from the class %s, with the body of `model_type`', async (architecture) => {
    await cp(golden('value-head'), folder, { recursive: true })
    await config({ architectures: [architecture] })
    expect((await read()).reading).toMatchObject({ kind: 'value', config: { family: 'llama' } })
    await expect(readModel(folder, { head: 'lm', role: 'lm' })).rejects.toThrow(
      /a language model for `lm`, got a body without a head/,
    )
    await config({ model_type: 'falcon' })
    await expect(read()).rejects.toThrow(`Unknown architecture \`${architecture}\``)
  })

  it.each([...['gpt2', 'gpt_neox', 'opt', 'opt-350m', 'mistral', 'qwen2', 'qwen3', 'gemma2', 'gemma3', 'phi3']])(
    'is read of any family: %s',
    async (family) => {
      const lm = fileURLToPath(new URL(`../../../../../data/golden/${family}/lm`, import.meta.url))
      await cp(lm, folder, { recursive: true })
      const { config } = await readModel(folder, { head: 'lm', role: 'lm' })
      const width = 'embeddingSize' in config ? config.embeddingSize : config.hiddenSize
      await added(['v_head.summary.weight', zeros([1, width])], ['v_head.summary.bias', zeros([1])])
      const { reading, graph, notices } = await read()
      expect([reading!.kind, graph.output, notices]).toEqual(['value', 'reward', []])
      expect((await readModel(folder, { head: 'lm', role: 'lm' })).notices).toEqual([])
    },
  )

  it('of several layers gives the same bits at any concurrency', async () => {
    const lm = fileURLToPath(new URL('../../../../../data/golden/grouped/lm', import.meta.url))
    const models = await loadModels({ lm, reward: golden('value-stack'), threads: 1 })
    const prompts = Array.from({ length: 7 }, (_, i) => 'How far is the moon? '.repeat(1 + i))
    const run = async (concurrency: number) =>
      settled(await rowsOf(generate(promptsOf(prompts), args({ k: 4 }), models, { maxNewTokens: 6, concurrency, trace: true })))
    expect(await run(7)).toEqual(await run(1))
    await models.close()
  })

  it('is never quantised', async () => {
    await writeRandomPair(folder, pairSizes.parse({ d: 32, layers: 1, ffn: 64, heads: 2 }))
    await cp(join(folder, 'reward'), folder, { recursive: true })
    await config({ architectures: ['GRewardModel'] })
    const head = { 'v_head.summary.0.weight': zeros([64, 32]), 'v_head.summary.2.weight': zeros([1, 64]) }
    await tensors((all) => new Map([...[...all].filter(([name]) => name !== 'score.weight'), ...Object.entries(head)]))
    const rounded = (await read('q8')).graph.inMemory.filter(({ bits }) => bits !== undefined)
    expect(rounded.length).toBeGreaterThan(0)
    expect(rounded.filter(({ name }) => name.startsWith('v_head'))).toEqual([])
  })

  it('in its own file counts for the hash of the model', async () => {
    await cp(golden('value-file'), folder, { recursive: true })
    const hash = await hashFolder(folder)
    await editTensors(join(folder, 'value_head.safetensors'), (all) => new Map(all).set('v_head.summary.bias', zeros([1])))
    expect(await hashFolder(folder)).not.toBe(hash)
  })
})

describe('a value head is refused', () => {
  const F = /\S+/.source
  it.each<[string, string, () => Promise<unknown>, RegExp]>([
    [
      'beside another one',
      'value-summary',
      () => added(['value_head.weight', zeros([1, 32])]),
      /one value head in .*, found `v_head\.summary\.weight` and `value_head\.weight`/,
    ],
    [
      'both in its own file and among the model’s tensors',
      'value-file',
      () => added(['v_head.summary.bias', zeros([1])]),
      new RegExp(
        `\`v_head\\.summary\\.bias\` once in ${F}, found it in ${F}model\\.safetensors and in ${F}value_head\\.safetensors`,
      ),
    ],
    [
      'with several numbers',
      'vocabulary',
      () => added(['score.weight', zeros([3, 32])]),
      /`score\.weight` in .* to have shape \[1, 32\], got \[3, 32\]/,
    ],
    [
      'with layers of other widths than the hidden states',
      'vocabulary',
      () => added(['v_head.summary.0.weight', zeros([8, 16])], ['v_head.summary.2.weight', zeros([1, 8])]),
      /`v_head\.summary\.0\.weight` in .* to have shape \[8, 32\], got \[8, 16\]/,
    ],
    [
      'with layers of which it is not known what lies between them',
      'vocabulary',
      () => added(['value_head.0.weight', zeros([8, 32])], ['value_head.2.weight', zeros([1, 8])]),
      /a use for every tensor of the reward in .*, found none for `value_head\.0\.weight`, `value_head\.2\.weight`: it may be an unsupported head/,
    ],
    [
      'with more between its layers than a ReLU',
      'vocabulary',
      () => added(['v_head.summary.0.weight', zeros([8, 32])], ['v_head.summary.3.weight', zeros([1, 8])]),
      /found none for `v_head\.summary\.0\.weight`, `v_head\.summary\.3\.weight`/,
    ],
    [
      'with gates, as ArmoRM has them',
      'vocabulary',
      () =>
        added(
          ['regression_layer.weight', zeros([19, 32])],
          ['reward_transform_matrix', zeros([19, 19])],
          ['gating.layers.0.weight', zeros([8, 32])],
          ['gating.layers.0.bias', zeros([8])],
        ),
      /found none for `regression_layer\.weight`, `reward_transform_matrix`, `gating\.layers\.0\.weight` and 1 more/,
    ],
    [
      'as a class of its own that is not built',
      'vocabulary',
      () => config({ architectures: ['LlamaForRewardModelWithGating'] }),
      /Unknown architecture `LlamaForRewardModelWithGating`/,
    ],
    [
      'where it is normalized by numbers that are not there',
      'value-norm',
      () => config({ std: null }),
      /`mean` and `std` > 0 as numbers in .*config\.json, because `normalize_reward` is true, got 0\.25 and null/,
    ],
    [
      'where it is normalized by running statistics',
      'value-norm',
      () => config({ do_normalize: true }),
      /`do_normalize` in .*config\.json to be false/,
    ],
    [
      'in a file of its own that holds something else',
      'value-file',
      () => editTensors(join(folder, 'value_head.safetensors'), renamed('v_head.summary', 'summary')),
      /found none for `summary\.\w+`, `summary\.\w+`/,
    ],
  ])('%s', async (_, name, change, message) => {
    await cp(golden(name), folder, { recursive: true })
    await change()
    await expect(read()).rejects.toThrow(message)
  })

  it.each([
    ['vhead_layer_type', { vhead_layer_type: 'mlp' }],
    ['normalize_reward', { normalize_reward: false }],
    ['auto_map.AutoModelForSequenceClassification', { auto_map: { AutoModelForSequenceClassification: 'modeling.RewardModel' } }],
  ])('if config.json has %s and no tensor is a head', async (key, fields) => {
    await cp(golden('vocabulary'), folder, { recursive: true })
    await config(fields)
    await expect(read()).rejects.toThrow(`a reward head in ${folder}, because its config.json has \`${key}\``)
    expect((await readModel(folder, { head: 'lm', role: 'lm' })).notices).toEqual([])
  })
})
