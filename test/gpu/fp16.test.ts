import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/models/checkpoint/families/config.js'
import { readJson } from '../../src/models/checkpoint/readJson.js'
import { readSafetensors } from '../../src/models/checkpoint/weights/safetensors.js'
import { buildGraph } from '../../src/models/graph/buildGraph.js'
import { ModelProtoSchema } from '../../src/models/graph/generated/onnx_pb.js'
import type { Golden } from '../goldenCases.js'
import { call, type DeviceEngine, deviceEngine, goldenFolder } from './deviceEngine.js'
import { CLEAR, largestDifference, WITHIN } from './nearness.js'

/**
 * The graph in fp16 on the CPU provider, which computes nodes without kernels for fp16 in fp32. The families have rotary and learned positions, two ropes,
 * shared keys, soft caps, sliding windows, positions by length, norms of heads, biases, and all three activations. `grouped` has weights that are rounded.
 */
describe.each(['grouped', 'mistral', 'gemma2', 'gemma3', 'phi3', 'gpt2', 'qwen3', 'opt', 'gpt_neox'])('%s in fp16', (name) => {
  it('gives the logits and rewards of fp32 within the bounds, and chooses the same tokens', async () => {
    const folder = goldenFolder(name)
    const golden = JSON.parse(await readFile(join(folder, 'golden.json'), 'utf8')) as Golden
    const cases = golden.cases.filter(({ decoder }) => decoder === 'args')
    const lm = await deviceEngine(join(folder, golden.lm), { dtype: 'fp16', arrays: true })
    const reward = await deviceEngine(join(folder, golden.reward), { dtype: 'fp16', arrays: true })
    const read = async ({ engine }: DeviceEngine, ...[key, tokenIds, more]: Parameters<typeof call>) =>
      (await engine.run([call(key, tokenIds, more)]))[0]!.values
    try {
      for (const [key, { promptTokenIds, tokenIds, steps, weight = 0 }] of cases.entries())
        for (const [t, { candidateIds, logits, rewards, index, margin }] of steps.entries()) {
          const before = [...promptTokenIds, ...tokenIds.slice(0, t)]
          const all = await read(lm, key, before)
          const own = candidateIds.map((tokenId) => all[tokenId]!)
          const scored = [...(await read(reward, key, before, { branches: candidateIds.map((tokenId) => [tokenId]) }))]
          expect(largestDifference(own, logits)).toBeLessThan(WITHIN)
          expect(largestDifference(scored, rewards!)).toBeLessThan(WITHIN)
          const scores = own.map((logit, c) => logit + weight * scored[c]!)
          if (margin > CLEAR) expect(scores.indexOf(Math.max(...scores)), `${name} ${key} ${t}`).toBe(index)
        }
    } finally {
      await lm.close()
      await reward.close()
    }
  })
})

/** Their checkpoints have all names of tensors, and tables that heads share and do not share. */
const NAMED = [
  'grouped',
  'gemma2',
  'gemma3',
  'phi3',
  'gpt2',
  'gpt2-scaled',
  'qwen2',
  'opt',
  'opt-350m',
  'gpt_neox',
  'gpt_neox-serial',
]

describe('a graph in fp16', () => {
  it.each(NAMED.flatMap((name) => [[name, 'lm'] as const, [name, 'reward'] as const]))(
    'of %s/%s has all tensors of MLPs and embeddings in fp16, but a table that the head shares in fp32',
    async (name, model) => {
      const folder = join(goldenFolder(name), model)
      const file = join(folder, 'config.json')
      const config = readConfig(await readJson(file), file)
      const tensors = await readSafetensors(folder)
      const { halves, unusedTensors } = buildGraph(config, tensors, 'fp16', 'webgpu')
      const shared = config.head === 'lm' && config.tieWordEmbeddings ? /embed_(tokens|in)|wte/ : /never/
      const expected = tensors.names.filter(
        (one) => /embed_(tokens|positions|in)|wte|wpe|mlp|fc[12]/.test(one) && !shared.test(one) && !unusedTensors.includes(one),
      )
      expect([...halves].toSorted()).toEqual(expected.toSorted())
    },
  )

  it('has embeddings and MLPs in fp16, and takes two nodes more a layer and one more for the embedding', async () => {
    const folder = join(goldenFolder('grouped'), 'reward')
    const [half, float] = [
      await deviceEngine(folder, { dtype: 'fp16', arrays: true }),
      await deviceEngine(folder, { arrays: true }),
    ]
    const { layers } = half.graph.shape
    const written = ({ graph }: DeviceEngine) => fromBinary(ModelProtoSchema, graph.model).graph!
    const nodes = (engine: DeviceEngine) => {
      const { node, initializer } = written(engine)
      // The runtime converts weights once, when it loads the graph.
      const weights = new Set(initializer.map(({ name }) => name))
      return node.filter(({ opType, input }) => opType !== 'Cast' || !weights.has(input[0]!)).map(({ opType }) => opType)
    }
    try {
      const mlp = ['gate', 'up', 'down'].flatMap((name) =>
        Array.from({ length: layers }, (_, layer) => `model.layers.${layer}.mlp.${name}_proj.weight`),
      )
      expect([...half.graph.halves].toSorted()).toEqual(['model.embed_tokens.weight', ...mlp].toSorted())
      expect([...float.graph.halves]).toEqual([])
      const casts = Array<string>(2 * layers + 1).fill('Cast')
      expect(nodes(half).toSorted()).toEqual([...nodes(float), ...casts].toSorted())
    } finally {
      await half.close()
      await float.close()
    }
  })
})
