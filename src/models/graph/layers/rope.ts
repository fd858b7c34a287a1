import type { Rope } from '../../checkpoint/families/rope.js'
import type { Attributes } from '../attributes.js'
import type { GraphBuilder, Value } from '../builder.js'
import { longropeFrequencies, ropeFrequencies } from './ropeFrequencies.js'

export type RopeTables = Readonly<{ cos: Value; sin: Value; rotaryDim: number }>

const { fround } = Math

/**
 * Cosines and sines of positions 0 to `positions - 1` as tensors of the graph: float [positions, rotaryDim / 2] each. Of LongRoPE two
 * tables, one after the other, where sequences may be longer than those of pretraining (see `longAfter` of buildGraph.ts).
 */
export function ropeTables(graph: GraphBuilder, rope: Rope, positions: number): RopeTables {
  const { ropeScaling: scaling, rotaryDim } = rope
  const amplitude = fround('attentionFactor' in scaling ? scaling.attentionFactor : 1)
  const half = rotaryDim / 2
  const long = longropeFrequencies(rope)
  const short = { frequencies: ropeFrequencies(rope), positions }
  const parts =
    long && long.after < positions
      ? [
          { ...short, positions: long.after },
          { frequencies: long.frequencies, positions },
        ]
      : [short]
  const rows = parts.reduce((sum, part) => sum + part.positions, 0)
  const table = (of: (angle: number) => number) => {
    const values = new Float32Array(rows * half)
    let index = 0
    for (const part of parts)
      for (let position = 0; position < part.positions; position++)
        for (const frequency of part.frequencies) values[index++] = fround(of(fround(position * frequency))) * amplitude
    return values
  }
  return {
    cos: graph.constant('rope/cos', table(Math.cos), [rows, half]),
    sin: graph.constant('rope/sin', table(Math.sin), [rows, half]),
    rotaryDim,
  }
}

/**
 * Rotates the first `rotaryDim` elements of each head of [N, 1, heads · headDim] by its position; element i is paired with
 * i + rotaryDim / 2. One node of the runtime's own, which looks the angles up by `positionIds`.
 */
export function rotate(
  graph: GraphBuilder,
  input: Value,
  positionIds: Value,
  { cos, sin, rotaryDim }: RopeTables,
  { name, heads, headDim }: Readonly<{ name: string; heads: number; headDim: number }>,
): Value {
  const part: Attributes = rotaryDim === headDim ? {} : { num_heads: { int: heads }, rotary_embedding_dim: { int: rotaryDim } }
  return graph.node('RotaryEmbedding', [input, positionIds, cos, sin], {
    name,
    domain: 'com.microsoft',
    attributes: { interleaved: { int: 0 }, ...part },
  })
}
