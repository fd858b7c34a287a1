import type { GraphBuilder, Value } from '../builder.js'
import type { Rows, Weights } from '../weights.js'
import { cast } from './lowPrecision.js'

/** `scale`: factor of the rows. `shared`: the head multiplies with the table as well. */
export type EmbeddingOptions = Readonly<{ scale?: number | undefined; shared?: boolean }>

/**
 * Looks up rows of a table: integers [...] → float [..., width]. On a CPU the table keeps the checkpoint's type, and rows are widened to fp32 after the
 * look-up.
 */
export function embedding(
  graph: GraphBuilder,
  weights: Weights,
  ids: Value,
  name: string,
  shape: readonly [number, number],
  { scale, shared = false }: EmbeddingOptions = {},
): Value {
  const wide =
    graph.device === 'webgpu' ? onGpu(graph, weights, ids, name, shape, shared) : onCpu(graph, weights, ids, name, shape)
  if (scale === undefined) return wide
  return graph.node('Mul', [wide, graph.numbers('embedding/scale', Float32Array.of(scale), [])], { name: 'embedding/scaled' })
}

function onCpu(graph: GraphBuilder, weights: Weights, ids: Value, name: string, shape: readonly [number, number]): Value {
  const rows = graph.node('Gather', [weights.stored(name, shape), ids], { name: 'embedding' })
  return graph.node('Cast', [rows], { name: 'embedding/float', attributes: { to: { int: 1 } } })
}

/** A GPU may lack 16-bit numbers, so its table is converted once. One that the head shares is in fp32, like the head: a second table would take more memory. */
function onGpu(
  whole: GraphBuilder,
  weights: Weights,
  ids: Value,
  name: string,
  shape: readonly [number, number],
  shared: boolean,
): Value {
  const graph = whole.as(shared ? whole.real : whole.lowPrecision)
  const parts = weights.realRows(name, shape, graph.real)
  const rows =
    parts.length > 1
      ? ofParts(graph.scope('embedding'), parts, ids)
      : graph.node('Gather', [parts[0]!.value, ids], { name: 'embedding' })
  return cast(whole, rows, graph.real, 'embedding/float')
}

/** Looks up rows of a table in parts: int32 [N, 1] → [N, 1, width]. Each part gives a row, of which one is kept, so the result is exact. */
function ofParts(graph: GraphBuilder, parts: readonly Rows[], ids: Value): Value {
  const ints = (name: string, ...values: number[]) => graph.constant(name, Int32Array.from(values), [values.length])
  const rowsPerPart = ints('rows', parts[0]!.rows)
  const part = graph.node('Div', [ids, rowsPerPart], { name: 'part' })
  const within = graph.node('Sub', [ids, graph.node('Mul', [part, rowsPerPart], { name: 'first' })], { name: 'within' })
  const last = parts.length - 1
  // The last part may be shorter than the others.
  const inLast = graph.node('Where', [graph.node('Equal', [part, ints('last', last)]), within, ints('none', 0)], {
    name: 'in_last',
  })
  const found = parts.map(({ value }, i) => graph.node('Gather', [value, i === last ? inLast : within]))
  const axis = graph.constant('axis', BigInt64Array.of(1n), [1])
  const own = graph.node('Equal', [part, ints('parts', ...parts.keys())], { name: 'own' })
  const mask = graph.node('Unsqueeze', [own, graph.constant('width', BigInt64Array.of(2n), [1])])
  const all = graph.node('Concat', found, { attributes: { axis: { int: 1 } } })
  const kept = graph.node('Where', [mask, all, graph.numbers('zero', Float32Array.of(0), [])], { name: 'kept' })
  return graph.node('ReduceSum', [kept, axis], { attributes: { keepdims: { int: 1 } } })
}
