import fc from 'fast-check'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { beforeAll, expect, it } from 'vitest'
import { topIndices } from '../../../../../src/core/math.js'
import { graphBuilder } from '../../../../../src/models/graph/builder.js'
import { topTokens } from '../../../../../src/models/graph/layers/topTokens.js'
import { unpackTops } from '../../../../../src/models/runtime/decoder/tops.js'

const V = 600
let session: InferenceSession

beforeAll(async () => {
  const graph = graphBuilder('tops')
  topTokens(graph, graph.input('logits', 'float', ['H', 1, V]), V)
  session = await InferenceSession.create(graph.model(), { logSeverityLevel: 4 })
})

async function topsOf(rows: readonly Float32Array[], k: number) {
  const logits = new Float32Array(rows.length * V)
  for (const [index, row] of rows.entries()) logits.set(row, index * V)
  const top = new Tensor('int64', BigInt64Array.of(BigInt(k)), [1])
  const outputs = await session.run({ logits: new Tensor('float32', logits, [rows.length, 1, V]), top })
  return unpackTops(outputs.tops!.data as Float32Array, rows.length, k)
}

it('the graph of a CPU finds the top logits that the host finds, in the same order, for any k, with ties to the lower token', async () => {
  // Few different values make ties.
  const row = fc
    .array(fc.oneof(fc.integer({ min: -4, max: 4 }), fc.float({ noNaN: true, noDefaultInfinity: true })), {
      minLength: V,
      maxLength: V,
    })
    .map((values) => Float32Array.from(values))
  const most = fc.oneof(fc.constantFrom(1, 2, 3, 4, 10, 128), fc.integer({ min: 1, max: V }))
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 5 }), most, async (rows, k) => {
      const { values, tokenIds } = await topsOf(rows, k)
      rows.forEach((logits, index) => {
        const expected = topIndices(logits, k)
        expect(tokenIds!.subarray(index * k, (index + 1) * k)).toEqual(expected)
        expect([...values.subarray(index * k, (index + 1) * k)]).toEqual(Array.from(expected, (token) => logits[token]!))
      })
    }),
    { numRuns: 60 },
  )
})

it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('tells the row with a logit of %f', async (bad) => {
  const rows = [0, 1, 2].map((index) => new Float32Array(V).fill(index))
  rows[1]![V - 1] = bad
  const { finite } = await topsOf(rows, 3)
  expect(Array.from(finite!, Number.isFinite)).toEqual([true, false, true])
})
