import type { GraphBuilder, Value } from '../builder.js'

/** Numbers of a part: few enough that the GPU sorts one in its fast memory. */
export const PART = 1024

/** Tokens that the GPU finds the likeliest of at most; more of them are found on the host. */
export const MOST_TOP = 128

/**
 * The largest of logits [H, 1, V], found in two steps: of each part of 1,024, and of these. One step over the whole vocabulary takes
 * the GPU 122 dispatches, where there are 32,000 tokens.
 *
 * - in: `top` int64 [1]: how many (K)
 * - out: `top_values` float [H, K], largest first; `part_tokens` int64 [H, parts · K]: places in their parts; `top_picks` int64 [H, K]: which of these the
 *   values are at; `logit_sum` float [H, 1]: not finite where a logit is not
 *
 * The token is `part_tokens[pick] + 1024 · floor(pick / K)`. That is another graph's work (`pickTokens`), because the runtime has no
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
 * The tokens that `topTokens` found. A 64-bit integer is read as two 32-bit ones.
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
