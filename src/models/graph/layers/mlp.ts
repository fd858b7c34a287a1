import type { Activation } from '../../checkpoint/families/activation.js'
import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'
import { activation } from './activation.js'
import { type LinearSize, linear } from './linear.js'
import { computeInLowPrecision } from './lowPrecision.js'

export type MlpSize = Readonly<{ hidden: number; intermediate: number; activation: Activation }> &
  Pick<LinearSize, 'bias' | 'transposed'>

/** `second(activation(first(x)))`: [..., hidden] → [..., hidden]; `first` and `second` are paths of linear layers. */
export function mlp(
  graph: GraphBuilder,
  weights: Weights,
  input: Value,
  { first, second }: Readonly<{ first: string; second: string }>,
  { hidden, intermediate, activation: name, ...kind }: MlpSize,
): Value {
  return computeInLowPrecision(graph, input, 'mlp', (graph, input) => {
    const wide = linear(graph, weights, input, first, { from: hidden, to: intermediate, ...kind })
    return linear(graph, weights, activation(graph, wide, name), second, { from: intermediate, to: hidden, ...kind })
  })
}
