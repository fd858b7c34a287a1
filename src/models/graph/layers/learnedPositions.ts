import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'
import { embedding } from './embedding.js'

export type LearnedPositions = Readonly<{
  contextLength: number
  width: number
  /** Rows of the table before position 0. */
  offset: number
}>

/**
 * Learned position embeddings: integers [N, 1] → float [N, 1, width]. A sequence cannot be longer than the table.
 */
export function learnedPositions(
  graph: GraphBuilder,
  weights: Weights,
  positionIds: Value,
  name: string,
  { contextLength, width, offset }: LearnedPositions,
): Value {
  const positions = graph.scope('positions')
  const begin = graph.device === 'webgpu' ? Int32Array.of(offset) : BigInt64Array.of(BigInt(offset))
  const rows = offset === 0 ? positionIds : positions.node('Add', [positionIds, positions.constant('offset', begin, [1])])
  return embedding(positions, weights, rows, name, [contextLength + offset, width])
}
