import fc from 'fast-check'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { graphBuilder } from '../../../../src/models/graph/builder.js'
import { BLOCK, quantize } from '../../../../src/models/graph/quantize.js'
import { dequantized } from '../../../dequantized.js'

const weight = fc.float({ min: -8, max: 8, noNaN: true })
const block = fc.array(weight, { minLength: BLOCK, maxLength: BLOCK })

describe.each([4, 8] as const)('weights of %i bits', (bits) => {
  it('are at most half a step from the original, except at the short end of the scale', () => {
    fc.assert(
      fc.property(fc.array(block, { minLength: 1, maxLength: 4 }), (blocks) => {
        const weights = Float32Array.from(blocks.flat())
        const found = quantize(weights, bits)
        dequantized(found, bits).forEach((value, i) => {
          const step = Math.abs(found.scales[Math.floor(i / BLOCK)]!)
          expect(Math.abs(value - weights[i]!)).toBeLessThanOrEqual(step * 1.0001)
          if (Math.abs(weights[i]!) < (2 ** (bits - 1) - 1) * step)
            expect(Math.abs(value - weights[i]!)).toBeLessThanOrEqual(step * 0.5001)
        })
      }),
    )
  })

  it('keep values on the grid, the largest magnitude and zeros exactly', () => {
    const middle = 2 ** (bits - 1)
    const onGrid = Float32Array.from({ length: 2 * BLOCK }, (_, i) => (i < BLOCK ? 0 : ((i * 7) % (2 * middle)) - middle))
    onGrid[BLOCK] = -middle
    expect(dequantized(quantize(onGrid, bits), bits).map((value) => value + 0)).toEqual(onGrid)
    const positive = Float32Array.from({ length: BLOCK }, (_, i) => (i === 5 ? 3 : 0))
    expect(dequantized(quantize(positive, bits), bits)[5]).toBe(3)
  })

  it('give the products of the runtime', async () => {
    const [K, N, rows] = [3 * BLOCK, 5, 4]
    const random = (seed: number) => (_: unknown, i: number) => Math.sin(seed + 12.9898 * i) * (1 + (i % 3))
    const weights = Float32Array.from({ length: N * K }, random(1))
    const inputs = Float32Array.from({ length: rows * K }, random(2))
    const found = quantize(weights, bits)
    const graph = graphBuilder('product')
    const input = graph.input('input', 'float', ['rows', K])
    const packed = graph.input('packed', 'uint8', [N, K / BLOCK, (BLOCK * bits) / 8])
    const scales = graph.input('scales', 'float', [N, K / BLOCK])
    const sizes = { K, N, bits, block_size: BLOCK, accuracy_level: 1 }
    const attributes = Object.fromEntries(Object.entries(sizes).map(([name, int]) => [name, { int }]))
    const product = graph.node('MatMulNBits', [input, packed, scales], { domain: 'com.microsoft', attributes })
    graph.output('product', product, 'float', ['rows', N])
    const session = await InferenceSession.create(graph.model(), { logSeverityLevel: 4 })
    const outputs = await session.run({
      input: new Tensor('float32', inputs, [rows, K]),
      packed: new Tensor('uint8', found.packed, [N, K / BLOCK, (BLOCK * bits) / 8]),
      scales: new Tensor('float32', found.scales, [N, K / BLOCK]),
    })
    const values = dequantized(found, bits)
    const given = outputs.product!.data as Float32Array
    for (let row = 0; row < rows; row++)
      for (let n = 0; n < N; n++) {
        let sum = 0
        for (let k = 0; k < K; k++) sum += inputs[row * K + k]! * values[n * K + k]!
        expect(Math.abs(given[row * N + n]! - sum)).toBeLessThan(1e-3)
      }
    await session.release()
  })
})
