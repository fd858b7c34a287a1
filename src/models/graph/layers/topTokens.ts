import type { GraphBuilder, Value } from '../builder.js'
import { elementTypes } from '../tensorTypes.js'

/** Most numbers per part: few enough for the GPU to sort in its fast memory. */
const PART = 1024

/**
 * Finds the top logits of [H, 1, V], ties to the lower token. Whoever needs no more does not copy all logits.
 *
 * - in: `top` int64 [1]: how many (K)
 * - out: `tops` float [H, 2K + 1]: the values, largest first, their tokens, and the sum of all logits, which is not finite if a logit is not
 */
export function topTokens(whole: GraphBuilder, logits: Value, vocabSize: number): void {
  const graph = whole.scope('top')
  const count = whole.input('top', 'int64', [1])
  const flat = graph.node('Reshape', [logits, shapeOf(graph, 'flat', -1, vocabSize)], { name: 'flat' })
  const sum = graph.node('ReduceSum', [flat, graph.constant('axis', BigInt64Array.of(1n), [1])], {
    attributes: { keepdims: { int: 1 } },
  })
  const [values, tokens] = whole.device === 'webgpu' ? topOfParts(graph, flat, count, vocabSize) : topOf(graph, flat, count)
  // One output is one wait for the GPU, and one copy on the CPU.
  const tops = graph.node('Concat', [values, tokens, sum], { attributes: { axis: { int: 1 } } })
  whole.output('tops', tops, 'float', ['H', '2K_and_1'])
}

const shapeOf = (graph: GraphBuilder, name: string, ...dims: number[]): Value =>
  graph.constant(`${name}/shape`, BigInt64Array.from(dims, BigInt), [dims.length])

/** The top of [H, V] and their tokens as numbers. In fp32 all tokens below 2^24 are exact. */
function topOf(graph: GraphBuilder, flat: Value, count: Value): [Value, Value] {
  const [values, tokens] = graph.nodes('TopK', [flat, count], 2, { attributes: { axis: { int: -1 } } }) as [Value, Value]
  return [values, graph.node('Cast', [tokens], { name: 'tokens', attributes: { to: { int: elementTypes.float } } })]
}

/**
 * The same in two steps: the top of each part of about 1,000, then the top of those. One step over a vocabulary of 32,000 tokens takes a GPU 122
 * dispatches.
 */
function topOfParts(graph: GraphBuilder, flat: Value, count: Value, vocabSize: number): [Value, Value] {
  const parts = partsOf(vocabSize)
  const part = Math.ceil(vocabSize / parts)
  const padding = graph.constant('padding', BigInt64Array.of(0n, 0n, 0n, BigInt(parts * part - vocabSize)), [4])
  const lowest = graph.constant('lowest', Float32Array.of(-3.4e38), [])
  const padded = parts * part === vocabSize ? flat : graph.node('Pad', [flat, padding, lowest])
  const cut = graph.node('Reshape', [padded, shapeOf(graph, 'parts', -1, parts, part)], { name: 'parts' })
  const topK = (values: Value, name: string) =>
    graph.nodes('TopK', [values, count], 2, { name, attributes: { axis: { int: -1 } } }) as [Value, Value]
  const [partValues, partPlaces] = topK(cut, 'of_parts')
  const all = graph.node('Flatten', [partValues], { attributes: { axis: { int: 1 } } })
  const [values, picks] = topK(all, 'of_all')

  // The GPU knows 64-bit integers as indices only, so a look-up makes numbers of them.
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
  return [values, graph.node('GatherElements', [tokens, picks], { name: 'picked', attributes: { axis: { int: 1 } } })]
}

/** Number of parts: one that divides the vocabulary, if there is one of about this size, else the last part is padded. */
function partsOf(vocabSize: number): number {
  const least = Math.ceil(vocabSize / PART)
  for (let parts = least; parts <= 2 * least; parts++) if (vocabSize % parts === 0) return parts
  return least
}
