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
  const { from, to, transposed = false, exact = to === 1 } = size
  const name = path.slice(path.lastIndexOf('.') + 1)
  const bias = () => (size.bias ? weights.real(`${path}.bias`, [to], graph.real) : undefined)
  // A single output costs almost nothing and decides a reward.
  const quantized = exact ? undefined : weights.quantized(`${path}.weight`, [to, from], transposed)
  if (quantized) return quantizedProduct(graph, input, quantized, name, from, bias())
  if (graph.device === 'webgpu' && !transposed) {
    const parts = weights.realRows(`${path}.weight`, [to, from], graph.real)
    return flatProduct(
      graph,
      input,
      parts.map(({ value }) => value),
      name,
      size,
      bias(),
    )
  }
  const weight = weights.real(`${path}.weight`, transposed ? [from, to] : [to, from], graph.real)
  if (graph.device === 'webgpu') return flatProduct(graph, input, [weight], name, size, bias())
  const product = graph.node('FusedMatMul', [input, weight], {
    name,
    domain: 'com.microsoft',
    attributes: { transB: { int: transposed ? 0 : 1 } },
  })
  return biased(graph, product, bias(), name)
}

const biased = (graph: GraphBuilder, product: Value, bias: Value | undefined, name: string): Value =>
  bias === undefined ? product : graph.node('Add', [product, bias], { name: `${name}/bias` })

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
  const joinedBias = () =>
    bias
      ? join(
          layers.map(({ path, to }) => weights.real(`${path}.bias`, [to], graph.real)),
          'bias',
        )
      : undefined
  const quantized = layers.map(({ path, to }) => weights.quantized(`${path}.weight`, [to, from]))
  const [first] = quantized[0] ?? []
  if (!first) {
    if (!weights.fits(to * from * REAL_BYTES[graph.real])) return undefined
    const all = layers.map(({ path, to }) => weights.real(`${path}.weight`, [to, from], graph.real))
    return flatProduct(graph, input, [join(all, 'weight')], name, { from, to }, joinedBias())
  }
  const { bits, block } = first
  const isAlike = (rows: QuantizedRows) =>
    rows.bits === bits && rows.block === block && (rows.offsets === undefined) === (first.offsets === undefined)
  const alike = quantized.flatMap((rows = []) => (rows.length === 1 ? rows.filter(isAlike) : []))
  if (alike.length < layers.length || !weights.fits(to * from * Math.max(bits / 8, 4 / block))) return undefined
  const joinPart = (part: 'packed' | 'scales' | 'offsets') =>
    join(
      alike.map((rows) => rows[part]!),
      part,
    )
  const offsets = first.offsets === undefined ? {} : { offsets: joinPart('offsets') }
  const rows = { rows: to, bits, block, packed: joinPart('packed'), scales: joinPart('scales'), ...offsets }
  return quantizedProduct(graph, input, [rows], name, from, joinedBias())
}

/** A product with the parts of a rounded matrix. On a GPU it adds the bias in the same node if there is one part. */
function quantizedProduct(
  graph: GraphBuilder,
  input: Value,
  parts: readonly QuantizedRows[],
  name: string,
  from: number,
  bias: Value | undefined,
): Value {
  const within = graph.device === 'webgpu' && parts.length === 1 ? bias : undefined
  const products = parts.map((rows) => quantizedPart(graph, input, rows, name, from, within))
  return biased(graph, sideBySide(graph, products, name), within === undefined ? bias : undefined, name)
}

function quantizedPart(
  graph: GraphBuilder,
  input: Value,
  { bits, block, packed, scales, offsets, rows }: QuantizedRows,
  name: string,
  from: number,
  bias: Value | undefined,
): Value {
  const accuracy = graph.device === 'cpu' ? INT8_PRODUCTS : FLOAT_PRODUCTS
  const sizes = { K: from, N: rows, bits, block_size: block, accuracy_level: accuracy }
  const attributes = Object.fromEntries(Object.entries(sizes).map(([key, int]) => [key, { int }]))
  const inputs = [input, packed, scales, ...(bias === undefined ? [] : ['', '', bias])]
  const product = graph.node('MatMulNBits', inputs, { name, domain: 'com.microsoft', attributes })
  if (offsets === undefined) return product
  return graph.node('Add', [product, offsetsProduct(graph, input, offsets, name, { from, to: rows, block })], {
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

/**
 * A product with the parts of a matrix [to, from], or with [from, to] if `transposed`. The GPU multiplies such weights only in two dimensions. It adds
 * the bias in the same node if there is one part.
 */
function flatProduct(
  graph: GraphBuilder,
  input: Value,
  parts: readonly Value[],
  name: string,
  { from, to, transposed }: Pick<LinearSize, 'from' | 'to' | 'transposed'>,
  bias?: Value,
): Value {
  const shape = (part: string, ...dims: number[]) =>
    graph.constant(`${name}/${part}/shape`, BigInt64Array.from(dims, BigInt), [dims.length])
  const flat = graph.node('Reshape', [input, shape('flat', -1, from)], { name: `${name}/flat` })
  const attributes = { transB: { int: transposed ? 0 : 1 } }
  const within = parts.length === 1 ? bias : undefined
  const product = sideBySide(
    graph,
    parts.map((part) => graph.node('Gemm', within === undefined ? [flat, part] : [flat, part, within], { name, attributes })),
    name,
  )
  const tokens = graph.node('Reshape', [product, shape('tokens', -1, 1, to)], { name: `${name}/tokens` })
  return biased(graph, tokens, within === undefined ? bias : undefined, name)
}
