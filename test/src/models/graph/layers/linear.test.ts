import { fileURLToPath } from 'node:url'
import { Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { isBlockType } from '../../../../../src/models/checkpoint/gguf/blocks.js'
import { readGguf } from '../../../../../src/models/checkpoint/gguf/readGguf.js'
import { tensorsOf } from '../../../../../src/models/checkpoint/weights/safetensors.js'
import { readValues } from '../../../../../src/models/checkpoint/weights/storedTensor.js'
import { graphBuilder } from '../../../../../src/models/graph/builder.js'
import { jointLinear } from '../../../../../src/models/graph/layers/linear.js'
import type { WeightDtype } from '../../../../../src/models/graph/quantize.js'
import { graphWeights } from '../../../../../src/models/graph/weights.js'
import { createSession } from '../../../../../src/models/runtime/thread/createSession.js'

const folder = fileURLToPath(new URL('../../../../../data/golden/gguf/', import.meta.url))
/** Matrices of one shape in each type of a GGUF file, and (`.values`) what they stand for. */
const { tensors } = await readGguf(`${folder}types.gguf`)
const types = [...tensors.keys()].filter((name) => !name.endsWith('.values'))
const ROWS = 3

/** A graph for a GPU with one product of the matrices, on the CPU provider. */
async function jointProduct(names: readonly string[], dtype: WeightDtype, largest?: number) {
  const graph = graphBuilder('product', 'webgpu')
  const given = names.map((name, i) => [`layer${i}.weight`, tensors.get(name)!] as const)
  const weights = graphWeights(graph, tensorsOf(new Map(given), given[0]![1].file), dtype, largest)
  const from = given[0]![1].shape[1]!
  const layers = given.map(([name, { shape }]) => ({ path: name.replace('.weight', ''), to: shape[0]! }))
  const input = graph.input('input', 'float', ['rows', 1, from])
  const product = jointLinear(graph, weights, input, layers, { name: 'joint', from, bias: false })
  if (product === undefined) return undefined
  graph.output('product', product, 'float', ['rows', 1, 'to'])
  const session = await createSession({ graph: graph.model(), folder, threads: 1, inMemory: weights.inMemory }, () => undefined)
  const inputs = Float32Array.from({ length: ROWS * from }, (_, i) => Math.sin(12.9898 * i))
  const outputs = await session.run({ input: new Tensor('float32', inputs, [ROWS, 1, from]) })
  await session.release()
  return { inputs, product: outputs.product!.data as Float32Array }
}

describe('jointLinear', () => {
  it.each([
    ...types.filter(isBlockType).map((type) => ({ of: type, dtype: 'q4' as const })),
    { of: 'Q4_0', dtype: 'fp32' as const },
  ])('gives the products of $of in $dtype with each matrix, side by side', async ({ of, dtype }) => {
    const { inputs, product } = (await jointProduct([of, of], dtype))!
    const values = await readValues(tensors.get(`${of}.values`)!)
    const [to, from] = tensors.get(of)!.shape as [number, number]
    expect(product).toHaveLength(ROWS * 2 * to)
    for (let at = 0; at < product.length; at++) {
      const [row, column] = [Math.floor(at / (2 * to)), at % to]
      let [sum, size] = [0, 0]
      for (let i = 0; i < from; i++) {
        const part = inputs[row * from + i]! * values[column * from + i]!
        sum += part
        size += Math.abs(part)
      }
      expect(Math.abs(product[at]! - sum)).toBeLessThan(1e-6 * size + 1e-6)
    }
  })

  it.each([
    ['blocks of other sizes', ['Q4_0', 'Q6_K']],
    ['offsets in one of them', ['Q4_0', 'Q4_1']],
  ])('does not join matrices with %s', async (_, names) => expect(await jointProduct(names, 'q4')).toBeUndefined())

  it.each(['q4', 'fp32'] as const)('does not join matrices in %s that are too large for a buffer together', async (dtype) => {
    const [to, from] = tensors.get('Q4_0')!.shape as [number, number]
    const bytes = dtype === 'fp32' ? 4 * to * from : (to * from) / 2
    expect(await jointProduct(['Q4_0', 'Q4_0'], dtype, 2 * bytes)).toBeDefined()
    expect(await jointProduct(['Q4_0', 'Q4_0'], dtype, 2 * bytes - 1)).toBeUndefined()
  })
})
