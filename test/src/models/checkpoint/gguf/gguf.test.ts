import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { isBlockType } from '../../../../../src/models/checkpoint/gguf/blocks.js'
import { readGguf } from '../../../../../src/models/checkpoint/gguf/readGguf.js'
import { readBlocks } from '../../../../../src/models/checkpoint/gguf/repackBlocks.js'
import { loadCodec } from '../../../../../src/models/checkpoint/tokenizer/loadCodec.js'
import { tensorsOf } from '../../../../../src/models/checkpoint/weights/safetensors.js'
import { readValues } from '../../../../../src/models/checkpoint/weights/storedTensor.js'
import { graphBuilder } from '../../../../../src/models/graph/builder.js'
import { linear } from '../../../../../src/models/graph/layers/linear.js'
import type { WeightDtype } from '../../../../../src/models/graph/quantize.js'
import { graphWeights } from '../../../../../src/models/graph/weights.js'
import { loadModel } from '../../../../../src/models/loadModel.js'
import { createSession } from '../../../../../src/models/runtime/thread/createSession.js'

type Text = Readonly<{ text: string; ids: number[]; plain: number[]; decoded: string }>
type Expected = Readonly<{ name: string; ids: number[]; values: number[]; texts: readonly Text[]; chat: string }>

const folder = fileURLToPath(new URL('../../../../../data/golden/gguf/', import.meta.url))
/** What test/reference/make_gguf.py writes. */
const { models } = JSON.parse(readFileSync(`${folder}expected.json`, 'utf8')) as Readonly<{ models: readonly Expected[] }>

async function lastLogits({ name, ids }: Expected, dtype: WeightDtype = 'fp32'): Promise<Float32Array> {
  const { worker } = await loadModel(`${folder}${name}.gguf`, { head: 'lm', role: 'lm', threads: 1, dtype })
  try {
    const [result] = await worker.run([{ key: {}, tokenIds: Int32Array.from(ids), branches: [[]], decode: true }])
    return result!.values
  } finally {
    await worker.close()
  }
}

const distance = (one: ArrayLike<number>, other: ArrayLike<number>): number =>
  Math.max(...Array.from(one, (value, index) => Math.abs(value - other[index]!)))

describe('a GGUF file', () => {
  const languageModels = models.filter(({ name }) => name !== 'reward')

  it.each(languageModels.map((model) => [model.name, model] as const))(
    'of %s gives the logits of transformers',
    async (_, model) => {
      const logits = await lastLogits(model)
      expect(logits.length).toBe(model.values.length)
      expect(distance(logits, model.values)).toBeLessThan(2e-4)
    },
  )

  it('of a classifier gives the logit of a label from its metadata', async () => {
    const { ids, values } = models.find(({ name }) => name === 'reward')!
    const path = `${folder}reward.gguf`
    for (const [index, label] of ['bad', 'good'].entries()) {
      const { worker, reading } = await loadModel(path, { head: 'reward', role: 'reward', threads: 1, label })
      const [result] = await worker.run([{ key: {}, tokenIds: Int32Array.from(ids), branches: [[]] }])
      await worker.close()
      expect(reading?.label).toBe(label)
      expect(result!.values[0]).toBeCloseTo(values[index]!, 4)
    }
  })

  it.each(['qwen3', 'gemma3', 'phi3'])('of %s runs with its own blocks, close to fp32', async (name) => {
    const model = models.find((one) => one.name === name)!
    const logits = await lastLogits(model, 'q4')
    const spread = Math.max(...model.values) - Math.min(...model.values)
    expect(distance(logits, model.values)).toBeLessThan(0.05 * spread)
  })

  it.each(models.map((model) => [model.name, model] as const))(
    'of %s has the tokens and texts of transformers',
    async (_, model) => {
      const codec = await loadCodec(`${folder}${model.name}.gguf`)
      for (const { text, ids, plain, decoded } of model.texts) {
        expect(codec.encode(text, true), JSON.stringify(text)).toEqual(ids)
        expect(codec.encode(text, false), JSON.stringify(text)).toEqual(plain)
        expect(codec.decode(plain, true), JSON.stringify(text)).toBe(decoded)
      }
      expect(codec.render([{ role: 'user', content: 'hi' }])).toBe(model.chat)
    },
  )
})

describe('a tensor of GGUF', async () => {
  const { tensors } = await readGguf(`${folder}types.gguf`)
  const names = [...tensors.keys()].filter((name) => !name.endsWith('.values'))

  it.each(names)('of type %s has the values of the gguf package', async (name) => {
    expect(await readValues(tensors.get(name)!)).toEqual(await readValues(tensors.get(`${name}.values`)!))
  })

  it.each(names.filter(isBlockType))('of type %s has the same values in the blocks of the runtime', async (dtype) => {
    const tensor = { ...tensors.get(dtype)!, dtype }
    const { packed, scales, offsets } = await readBlocks(tensor)
    const expected = await readValues(tensor)
    const size = expected.length / scales.length
    const bits = (8 * packed.length) / expected.length
    const values = Array.from(expected, (_, index) => {
      const byte = bits === 8 ? packed[index]! : (packed[index >> 1]! >> (4 * (index % 2))) & 15
      const block = Math.floor(index / size)
      return scales[block]! * (byte - 2 ** (bits - 1)) + (offsets?.[block] ?? 0)
    })
    expect(distance(values, expected)).toBeLessThan(1e-6)
  })

  it.each(names.filter(isBlockType))('of type %s gives the products of its values in the runtime', async (dtype) => {
    const tensor = tensors.get(dtype)!
    const [to, from] = tensor.shape as [number, number]
    const graph = graphBuilder('product')
    const input = graph.input('input', 'float', ['rows', 1, from])
    const weights = graphWeights(graph, tensorsOf(new Map([['linear.weight', tensor]]), tensor.file), 'q4')
    graph.output('product', linear(graph, weights, input, 'linear', { from, to, bias: false }), 'float', ['rows', 1, to])
    const setup = { graph: graph.model(), folder, threads: 1, inMemory: weights.inMemory }
    const session = await createSession(setup, () => {})
    const rows = 4
    const inputs = Float32Array.from({ length: rows * from }, (_, i) => Math.sin(12.9898 * i))
    const { product } = await session.run({ input: new Tensor('float32', inputs, [rows, 1, from]) })
    await session.release()
    const values = await readValues(tensor)
    for (let at = 0; at < rows * to; at++) {
      const [row, column] = [Math.floor(at / to), at % to]
      let [sum, bound] = [0, 0]
      for (let i = 0; i < from; i++) {
        sum += inputs[row * from + i]! * values[column * from + i]!
        // The runtime rounds inputs of at most 1 to 127 steps, and offsets count in fp32.
        bound += Math.abs(values[column * from + i]!) / 127
      }
      expect(Math.abs((product!.data[at] as number) - sum)).toBeLessThan(bound)
    }
  })
})
