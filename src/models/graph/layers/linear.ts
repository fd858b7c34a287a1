import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'

export type LinearSize = Readonly<{ from: number; to: number; bias: boolean }>

/**
 * `input · weightᵀ (+ bias)`: [..., from] → [..., to]. The weight keeps the checkpoint's order [to, from]; its Transpose is folded
 * away when the graph is loaded.
 */
export function linear(graph: GraphBuilder, weights: Weights, input: Value, path: string, { from, to, bias }: LinearSize): Value {
  const name = path.slice(path.lastIndexOf('.') + 1)
  const transposed = graph.node('Transpose', [weights.float(`${path}.weight`, [to, from])], {
    name: `${name}/weight`,
    attributes: { perm: { ints: [1, 0] } },
  })
  const product = graph.node('MatMul', [input, transposed], { name })
  if (!bias) return product
  return graph.node('Add', [product, weights.float(`${path}.bias`, [to])], { name: `${name}/bias` })
}
