import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'
import { embedding } from './embedding.js'

export type LearnedPositions = Readonly<{
  contextLength: number
  width: number
  /** Rows of the table in front of position 0. */
  offset: number
}>

/**
 * Embeddings of positions out of a table that was learned: int64 [N, 1] → float [N, 1, width]. Nothing lies behind the last row, so that
 * a sequence can be no longer than the table.
 */
export function learnedPositions(
  graph: GraphBuilder,
  weights: Weights,
  positionIds: Value,
  name: string,
  { contextLength, width, offset }: LearnedPositions,
): Value {
  const positions = graph.scope('positions')
  const rows =
    offset === 0
      ? positionIds
      : positions.node('Add', [positionIds, positions.constant('offset', BigInt64Array.of(BigInt(offset)), [1])])
  return embedding(positions, weights, rows, name, [contextLength + offset, width])
}
