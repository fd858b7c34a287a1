import type { GraphBuilder, Value } from '../builder.js'

/** Numbers per part: few enough for the GPU to sort in its fast memory. */
export const PART = 1024

/** Most top tokens that the GPU finds. The host finds more. */
export const MOST_TOP = 128

/**
 * Finds the top logits of [H, 1, V] in two steps: the top of each part of 1,024, then the top of those. One step over a vocabulary of 32,000
 * tokens takes the GPU 122 dispatches.
 *
 * - in: `top` int64 [1]: how many (K)
 * - out: `top_values` float [H, K], largest first; `part_tokens` int64 [H, parts · K]: places within their parts; `top_picks` int64 [H, K]: the index
 *   of each value among these; `logit_sum` float [H, 1]: not finite if a logit is not
 *
 * The token is `part_tokens[pick] + 1024 · floor(pick / K)`. A second graph computes it (`pickTokens`), because the runtime has no
 * 64-bit integers on a GPU.
 */
export function topTokens(whole: GraphBuilder, logits: Value, vocabSize: number): void {
  const graph = whole.scope('top')
  const parts = Math.ceil(vocabSize / PART)
  const count = whole.input('top', 'int64', [1])
  const shape = (name: string, ...dims: number[]) =>
    graph.constant(`${name}/shape`, BigInt64Array.from(dims, BigInt), [dims.length])
  const flat = graph.node('Reshape', [logits, shape('flat', -1, vocabSize)], { name: 'flat' })
  const sum = graph.node('ReduceSum', [flat, graph.constant('axis', BigInt64Array.of(1n), [1])], {
    attributes: { keepdims: { int: 1 } },
  })
  const padding = graph.constant('padding', BigInt64Array.of(0n, 0n, 0n, BigInt(parts * PART - vocabSize)), [4])
  const lowest = graph.constant('lowest', Float32Array.of(-3.4e38), [])
  const padded = parts * PART === vocabSize ? flat : graph.node('Pad', [flat, padding, lowest])
  const cut = graph.node('Reshape', [padded, shape('parts', -1, parts, PART)], { name: 'parts' })
  const topK = (values: Value, name: string) =>
    graph.nodes('TopK', [values, count], 2, { name, attributes: { axis: { int: -1 } } }) as [Value, Value]
  const [partValues, partTokens] = topK(cut, 'of_parts')
  const all = graph.node('Flatten', [partValues], { attributes: { axis: { int: 1 } } })
  const [values, picks] = topK(all, 'of_all')
  whole.output('top_values', values, 'float', ['H', 'K'])
  whole.output('part_tokens', partTokens, 'int64', ['H', parts, 'K'])
  whole.output('top_picks', picks, 'int64', ['H', 'K'])
  whole.output('logit_sum', sum, 'float', ['H', 1])
}

/**
 * Computes the ids of the tokens that `topTokens` found. It reads a 64-bit integer as two 32-bit ones.
 *
 * - in: `part_tokens` int32 [H, parts · K, 2]; `picks` int64 [H, K, 1]; `pick_words` int32 [H, K, 2], the same; `top` int32 [1]
 * - out: `tokens` int32 [H, K, 1]
 */
export function pickTokens(graph: GraphBuilder): void {
  const partTokens = graph.input('part_tokens', 'int32', ['H', 'parts', 2])
  const picks = graph.input('picks', 'int64', ['H', 'K', 1])
  const words = graph.input('pick_words', 'int32', ['H', 'K', 2])
  const top = graph.input('top', 'int32', [1])
  const place = graph.node('GatherElements', [partTokens, picks], { attributes: { axis: { int: 1 } } })
  const int = (name: string, value: number) => graph.constant(name, BigInt64Array.of(BigInt(value)), [1])
  const low = graph.node('Slice', [words, int('first', 0), int('second', 1), int('axis', 2)])
  const part = graph.node('Div', [low, top])
  const begin = graph.node('Mul', [part, graph.constant('part', Int32Array.of(PART), [1])])
  graph.output('tokens', graph.node('Add', [place, begin]), 'int32', ['H', 'K', 1])
}
