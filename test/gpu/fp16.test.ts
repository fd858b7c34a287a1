import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { toHalves } from '../../src/models/checkpoint/weights/half.js'
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

describe('a graph in fp16', () => {
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

describe('toHalves', () => {
  it.each([
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65_504, 0x7bff],
    [65_519, 0x7bff],
    [65_520, 0x7c00],
    [-1e9, 0xfc00],
    [Number.POSITIVE_INFINITY, 0x7c00],
    [Number.NaN, 0x7e00],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [3 * 2 ** -25, 0x0002],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [2 - 2 ** -12, 0x4000],
  ])('rounds %d to the nearest half', (number, half) => expect(toHalves(Float32Array.of(number))[0]).toBe(half))
})
