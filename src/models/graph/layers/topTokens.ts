import type { GraphBuilder, Value } from '../builder.js'

/** Most numbers per part: few enough for the GPU to sort in its fast memory. */
const PART = 1024

/** Most top tokens that the GPU finds. The host finds more. */
export const MOST_TOP = 128

/** `values` and `tokenIds` of each row, `width` (K) each; `finite`: a number per row, which is finite if all its logits are. */
export type Tops = Readonly<{ values: Float32Array; tokenIds: Int32Array; finite: Float32Array; width: number }>

/**
 * Finds the top logits of [H, 1, V] in two steps: the top of each part of about 1,000, then the top of those. One step over a vocabulary of 32,000
 * tokens takes the GPU 122 dispatches.
 *
 * - in: `top` int64 [1]: how many (K)
 * - out: `tops` float [H, 2K + 1]: the values, largest first, their tokens, and the sum of all logits, which is not finite if a logit is not
 */
export function topTokens(whole: GraphBuilder, logits: Value, vocabSize: number): void {
  const graph = whole.scope('top')
  const parts = partsOf(vocabSize)
  const part = Math.ceil(vocabSize / parts)
  const count = whole.input('top', 'int64', [1])
  const shape = (name: string, ...dims: number[]) =>
    graph.constant(`${name}/shape`, BigInt64Array.from(dims, BigInt), [dims.length])
  const flat = graph.node('Reshape', [logits, shape('flat', -1, vocabSize)], { name: 'flat' })
  const sum = graph.node('ReduceSum', [flat, graph.constant('axis', BigInt64Array.of(1n), [1])], {
    attributes: { keepdims: { int: 1 } },
  })
  const padding = graph.constant('padding', BigInt64Array.of(0n, 0n, 0n, BigInt(parts * part - vocabSize)), [4])
  const lowest = graph.constant('lowest', Float32Array.of(-3.4e38), [])
  const padded = parts * part === vocabSize ? flat : graph.node('Pad', [flat, padding, lowest])
  const cut = graph.node('Reshape', [padded, shape('parts', -1, parts, part)], { name: 'parts' })
  const topK = (values: Value, name: string) =>
    graph.nodes('TopK', [values, count], 2, { name, attributes: { axis: { int: -1 } } }) as [Value, Value]
  const [partValues, partPlaces] = topK(cut, 'of_parts')
  const all = graph.node('Flatten', [partValues], { attributes: { axis: { int: 1 } } })
  const [values, picks] = topK(all, 'of_all')

  // The GPU knows 64-bit integers as indices only, so a look-up makes numbers of them. In fp32 all tokens below 2^24 are exact.
  const numbers = graph.constant(
    'numbers',
    Float32Array.from({ length: part }, (_, i) => i),
    [part],
  )
  const places = graph.node('Gather', [numbers, partPlaces], { name: 'places' })
  const begins = graph.constant(
    'begins',
    Float32Array.from({ length: parts }, (_, i) => i * part),
    [parts, 1],
  )
  const tokens = graph.node('Flatten', [graph.node('Add', [places, begins], { name: 'tokens' })], {
    attributes: { axis: { int: 1 } },
  })
  const picked = graph.node('GatherElements', [tokens, picks], { name: 'picked', attributes: { axis: { int: 1 } } })
  // One output is one wait for the GPU.
  const tops = graph.node('Concat', [values, picked, sum], { attributes: { axis: { int: 1 } } })
  whole.output('tops', tops, 'float', ['H', '2K_and_1'])
}

/** Reads the output `tops` of `topTokens`: H rows of K values, K tokens and a sum. */
export function unpackTops(tops: Float32Array, H: number, K: number): Tops {
  const found = { width: K, values: new Float32Array(H * K), tokenIds: new Int32Array(H * K), finite: new Float32Array(H) }
  for (let row = 0; row < H; row++) {
    const begin = row * (2 * K + 1)
    found.values.set(tops.subarray(begin, begin + K), row * K)
    found.tokenIds.set(tops.subarray(begin + K, begin + 2 * K), row * K)
    found.finite[row] = tops[begin + 2 * K]!
  }
  return found
}

/** Number of parts: one that divides the vocabulary, if there is one of about this size, else the last part is padded. */
function partsOf(vocabSize: number): number {
  const least = Math.ceil(vocabSize / PART)
  for (let parts = least; parts <= 2 * least; parts++) if (vocabSize % parts === 0) return parts
  return least
}
