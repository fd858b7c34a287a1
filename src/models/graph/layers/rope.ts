import type { Rope } from '../../checkpoint/families/rope.js'
import type { Attributes } from '../attributes.js'
import type { GraphBuilder, Value } from '../builder.js'

/** Cosines and sines by position, inputs of the graph. */
export type RopeTables = Readonly<{ cos: Value; sin: Value; rotaryDim: number }>

/**
 * Declares a rope's tables as inputs `name_cos` and `name_sin`, float [P, rotaryDim / 2] each. They are inputs because few sequences fill a
 * model's context: a run computes only the rows that it needs (runtime/decoder/ropeFeeds.ts).
 */
export function ropeTables(graph: GraphBuilder, { rotaryDim }: Rope, name = 'rope'): RopeTables {
  const table = (part: string) => graph.input(`${name}_${part}`, 'float', ['P', rotaryDim / 2])
  return { cos: table('cos'), sin: table('sin'), rotaryDim }
}

/** A rope of the graph and the name of its inputs. */
export type NamedRope = Readonly<{ name: string; rope: Rope }>

/** The ropes of a decoder. Empty if its positions are learned. */
export function ropesOf(config: object & Partial<Rope & Readonly<{ localRope: Rope }>>): NamedRope[] {
  const { ropeTheta, ropeScaling, rotaryDim, localRope } = config
  if (ropeTheta === undefined || ropeScaling === undefined || rotaryDim === undefined) return []
  const named = [{ name: 'rope', rope: { ropeTheta, ropeScaling, rotaryDim } }]
  return localRope ? [...named, { name: 'local_rope', rope: localRope }] : named
}

/**
 * Rotates the first `rotaryDim` elements of each head of [N, 1, heads · headDim] by its position; element i is paired with
 * i + rotaryDim / 2. It is one node of the runtime, which looks up the angles by `positionIds`.
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
