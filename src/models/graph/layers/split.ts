import type { GraphBuilder, Value } from '../builder.js'

/** Cuts the last axis into pieces of the given sizes. */
export function split(graph: GraphBuilder, value: Value, sizes: readonly number[], name: string): Value[] {
  const lengths = graph.constant(`${name}/sizes`, BigInt64Array.from(sizes, BigInt), [sizes.length])
  return graph.nodes('Split', [value, lengths], sizes.length, { name, attributes: { axis: { int: -1 } } })
}
