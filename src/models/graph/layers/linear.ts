import type { GraphBuilder, Value } from '../builder.js'
import { type QuantizedRows, REAL_BYTES, type Weights } from '../weights.js'

/** The runtime's accuracy level for products of 8-bit inputs: by far the fastest, with the same bits for a row in any batch (but see `needsEvenRows`). */
const INT8_PRODUCTS = 4

/** Keeps inputs in fp32 on a GPU: quantising them would be one more dispatch per layer. */
const FLOAT_PRODUCTS = 0

export type LinearSize = Readonly<{
  from: number
  to: number
  bias: boolean
  /** Whether the checkpoint has the weight as [from, to], like GPT-2's Conv1D. */
  transposed?: boolean
  /** Whether the weight stays exact when others are quantised. */
  exact?: boolean
}>

/**
 * `input · weightᵀ (+ bias)`: [..., from] → [..., to]. The weight keeps the checkpoint's order, [to, from] unless `transposed`: the runtime packs
 * it from there without a transposed copy. Products with quantised weights are in integers, with inputs rounded to 8 bits per block.
 */
export function linear(graph: GraphBuilder, weights: Weights, input: Value, path: string, size: LinearSize): Value {
  const { to, bias } = size
  const name = path.slice(path.lastIndexOf('.') + 1)
  const product = productOf(graph, weights, input, path, size)
  return bias ? biased(graph, product, weights.real(`${path}.bias`, [to], graph.real), name) : product
}

const biased = (graph: GraphBuilder, product: Value, bias: Value, name: string): Value =>
  graph.node('Add', [product, bias], { name: `${name}/bias` })

/**
 * Several linear layers of one input as one product, for a GPU: [..., from] → [..., sum of all `to`], the layers side by side. The runtime joins the
 * weights once, when it loads the graph. Undefined if they cannot be joined: blocks of a GGUF file may differ, and a buffer has a limit.
 */
export function jointLinear(
  graph: GraphBuilder,
  weights: Weights,
  input: Value,
  layers: readonly Readonly<{ path: string; to: number }>[],
  { name, from, bias }: Readonly<{ name: string; from: number; bias: boolean }>,
): Value | undefined {
  const to = layers.reduce((sum, layer) => sum + layer.to, 0)
  const join = (parts: readonly Value[], part: string) =>
    graph.node('Concat', parts, { name: `${name}/${part}`, attributes: { axis: { int: 0 } } })
  const product = () => {
    const quantized = layers.map(({ path, to }) => weights.quantized(`${path}.weight`, [to, from]))
    const [first] = quantized[0] ?? []
    if (!first) {
      if (!weights.fits(to * from * REAL_BYTES[graph.real])) return undefined
      const all = layers.map(({ path, to }) => weights.real(`${path}.weight`, [to, from], graph.real))
      return flatProduct(graph, input, [join(all, 'weight')], name, { from, to })
    }
    const { bits, block } = first
    const alike = quantized.flatMap((rows) =>
      rows?.length === 1 && rows[0]!.bits === bits && rows[0]!.block === block && !rows[0]!.offsets ? [rows[0]!] : [],
    )
    if (alike.length < layers.length || !weights.fits(to * from * Math.max(bits / 8, 4 / block))) return undefined
    const [packed, scales] = (['packed', 'scales'] as const).map((part) =>
      join(
        alike.map((rows) => rows[part]),
        part,
      ),
    ) as [Value, Value]
    return quantizedProduct(graph, input, { rows: to, bits, block, packed, scales }, name, from)
  }
  const joined = product()
  if (joined === undefined || !bias) return joined
  const biases = layers.map(({ path, to }) => weights.real(`${path}.bias`, [to], graph.real))
  return biased(graph, joined, join(biases, 'bias'), name)
}

function productOf(graph: GraphBuilder, weights: Weights, input: Value, path: string, size: LinearSize): Value {
  const { from, to, transposed = false, exact = to === 1 } = size
  const name = path.slice(path.lastIndexOf('.') + 1)
  // A single output costs almost nothing and decides a reward.
  const quantized = exact ? undefined : weights.quantized(`${path}.weight`, [to, from], transposed)
  if (quantized) {
    const products = quantized.map((rows) => quantizedProduct(graph, input, rows, name, from))
    return sideBySide(graph, products, name)
  }
  if (graph.device === 'webgpu') return onGpu(graph, weights, input, path, size)
  const weight = weights.real(`${path}.weight`, transposed ? [from, to] : [to, from], graph.real)
  return graph.node('FusedMatMul', [input, weight], {
    name,
    domain: 'com.microsoft',
    attributes: { transB: { int: transposed ? 0 : 1 } },
  })
}

function quantizedProduct(graph: GraphBuilder, input: Value, rows: QuantizedRows, name: string, from: number): Value {
  const { bits, block, packed, scales, offsets } = rows
  const accuracy = graph.device === 'cpu' ? INT8_PRODUCTS : FLOAT_PRODUCTS
  const sizes = { K: from, N: rows.rows, bits, block_size: block, accuracy_level: accuracy }
  const attributes = Object.fromEntries(Object.entries(sizes).map(([key, int]) => [key, { int }]))
  const product = graph.node('MatMulNBits', [input, packed, scales], { name, domain: 'com.microsoft', attributes })
  if (offsets === undefined) return product
  return graph.node('Add', [product, offsetsProduct(graph, input, offsets, name, { from, to: rows.rows, block })], {
    name: `${name}/whole`,
  })
}

/** The products of a matrix's parts as one. */
const sideBySide = (graph: GraphBuilder, products: readonly Value[], name: string): Value =>
  products.length === 1
    ? products[0]!
    : graph.node('Concat', products, { name: `${name}/parts`, attributes: { axis: { int: -1 } } })

/**
 * The share of block offsets in a product: each offset times the sum of its block's inputs, in fp32. This is exact for any offset; zero points of
 * a few bits would not be.
 */
function offsetsProduct(
  graph: GraphBuilder,
  input: Value,
  offsets: Value,
  name: string,
  { from, to, block }: Readonly<{ from: number; to: number; block: number }>,
): Value {
  const shape = graph.constant(`${name}/blocks/shape`, BigInt64Array.of(0n, 0n, BigInt(from / block), BigInt(block)), [4])
  const split = graph.node('Reshape', [input, shape], { name: `${name}/blocks` })
  const axis = graph.constant(`${name}/sums/axis`, BigInt64Array.of(-1n), [1])
  const sums = graph.node('ReduceSum', [split, axis], { name: `${name}/sums`, attributes: { keepdims: { int: 0 } } })
  const attributes = { transB: { int: 1 } }
  if (graph.device === 'webgpu') return flatProduct(graph, sums, [offsets], `${name}/offsets`, { from: from / block, to })
  return graph.node('FusedMatMul', [sums, offsets], { name: `${name}/offsets`, domain: 'com.microsoft', attributes })
}

/** A product with plain weights. */
function onGpu(graph: GraphBuilder, weights: Weights, input: Value, path: string, size: LinearSize): Value {
  const { from, to, transposed } = size
  const weight = `${path}.weight`
  const parts = transposed
    ? [weights.real(weight, [from, to], graph.real)]
    : weights.realRows(weight, [to, from], graph.real).map(({ value }) => value)
  return flatProduct(graph, input, parts, path.slice(path.lastIndexOf('.') + 1), size)
}

/** A product with the parts of a matrix [to, from], or with [from, to] if `transposed`. The GPU multiplies such weights only in two dimensions. */
function flatProduct(
  graph: GraphBuilder,
  input: Value,
  parts: readonly Value[],
  name: string,
  { from, to, transposed }: Pick<LinearSize, 'from' | 'to' | 'transposed'>,
): Value {
  const shape = (part: string, ...dims: number[]) =>
    graph.constant(`${name}/${part}/shape`, BigInt64Array.from(dims, BigInt), [dims.length])
  const flat = graph.node('Reshape', [input, shape('flat', -1, from)], { name: `${name}/flat` })
  const attributes = { transB: { int: transposed ? 0 : 1 } }
  const product = sideBySide(
    graph,
    parts.map((part) => graph.node('Gemm', [flat, part], { name, attributes })),
    name,
  )
  return graph.node('Reshape', [product, shape('tokens', -1, 1, to)], { name: `${name}/tokens` })
}
