import type { Attributes } from '../../attributes.js'
import type { GraphBuilder, Value } from '../../builder.js'
import { type AttentionSize, type HeadOptions, type JointHeads, type Projected, separate } from '../attention.js'
import { headNorm } from '../rmsNorm.js'
import type { RopeTables } from '../rope.js'
import { reshaped } from './pagedAttention.js'

/** Positions per page of the cache. */
export const PAGE = 64

/** `query` float [N, heads · headDim]; `fresh` float [N · 2 · kvHeads, headDim], the new keys and values; `rows` int32 of this shape: their rows in the cache. */
type Prepared = Readonly<{ query: Value; fresh: Value; rows: Value }>

type HeadNorms = NonNullable<HeadOptions['norm']>

type Prepare = (graph: GraphBuilder, given: Projected | JointHeads, options: HeadOptions) => Prepared

/**
 * Prepares queries, keys and values for attention while they lie side by side, because on a GPU the number of nodes counts and not their size. One node
 * rotates all: values have position 0, whose row of the tables turns nothing.
 */
export function jointHeads(
  whole: GraphBuilder,
  size: AttentionSize,
  { rows, positionIds }: Readonly<{ rows: Value; positionIds: Value }>,
): Prepare {
  const { heads, kvHeads, headDim } = size
  const count = heads + 2 * kvHeads
  const graph = whole.scope('heads')
  const known = new Map<string, Value>()
  const once = (name: string, make: (name: string) => Value): Value => {
    const value = known.get(name) ?? make(name)
    known.set(name, value)
    return value
  }
  const layout = (perHead = false) => (perHead ? 'per_head' : 'blocks')
  /** 1 for queries and keys, 0 for values, in their order. */
  const marks = (perHead = false) =>
    Int32Array.from({ length: count }, (_, i) => Number(perHead ? i % 3 !== 2 : i < heads + kvHeads))

  /** Rows of a rope's table for each head of each token: [N · count, rotaryDim / 2]. */
  const angles = (table: Value, rotaryDim: number, perHead?: boolean) =>
    once(`${table}/${layout(perHead)}`, (name) => {
      const of = once(`positions/${layout(perHead)}`, (name) =>
        graph.node('Mul', [positionIds, graph.constant(`${name}/marks`, marks(perHead), [count])], { name }),
      )
      return reshaped(graph, graph.node('Gather', [table, of], { name }), `${name}/rows`, -1, rotaryDim / 2)
    })

  const first = graph.constant('first', BigInt64Array.of(0n), [1])
  const rotated = (scope: GraphBuilder, values: Value, { cos, sin, rotaryDim }: RopeTables, perHead?: boolean) => {
    const part: Attributes = rotaryDim === headDim ? {} : { num_heads: { int: 1 }, rotary_embedding_dim: { int: rotaryDim } }
    const flat = reshaped(scope, values, 'rope/heads', 1, -1, headDim)
    return scope.node('RotaryEmbedding', [flat, first, angles(cos, rotaryDim, perHead), angles(sin, rotaryDim, perHead)], {
      name: 'rope',
      domain: 'com.microsoft',
      attributes: { interleaved: { int: 0 }, ...part },
    })
  }

  const normed = (scope: GraphBuilder, { query, key, value }: Projected, { weights, path, ...norm }: HeadNorms): Value => {
    const of = (values: Value, name: string, heads: number) =>
      headNorm(scope, weights, values, `${path}.${name}_norm`, { ...norm, size: headDim, heads })
    return sideBySide(scope, { query: of(query, 'q', heads), key: of(key, 'k', kvHeads), value })
  }

  return (scope, given, { norm, rope }) => {
    const perHead = 'joint' in given && given.perHead
    const parted = () => ('joint' in given ? separate(scope, given, size) : given)
    const joined = () => ('joint' in given ? given.joint : sideBySide(scope, given))
    const normal = norm ? normed(scope, parted(), norm) : joined()
    const turned = rope ? rotated(scope, normal, rope, perHead) : normal
    const [group, parts] = perHead ? [3, [1, 2]] : [count, [heads, 2 * kvHeads]]
    const flat = reshaped(scope, turned, 'flat', -1, group * headDim)
    const widths = scope.constant(
      'parts/widths',
      BigInt64Array.from(parts, (heads) => BigInt(heads * headDim)),
      [2],
    )
    const [query, fresh] = scope.nodes('Split', [flat, widths], 2, {
      name: 'parts',
      attributes: { axis: { int: -1 } },
    }) as [Value, Value]
    const placed = once(`rows/${layout(perHead)}`, (name) => {
      const kept = Array.from({ length: 2 * kvHeads }, (_, i) => (perHead ? (i % 2) * kvHeads + (i >> 1) : i))
      const offsets = Int32Array.from({ length: kept.length * headDim }, (_, i) => kept[Math.floor(i / headDim)]! * PAGE)
      const column = reshaped(graph, rows, `${name}/column`, -1, 1, 1)
      const all = graph.node('Add', [column, graph.constant(`${name}/heads`, offsets, [kept.length, headDim])], { name })
      return reshaped(graph, all, `${name}/flat`, -1, headDim)
    })
    return { query, fresh: reshaped(scope, fresh, 'fresh', -1, headDim), rows: placed }
  }
}

const sideBySide = (graph: GraphBuilder, { query, key, value }: Projected): Value =>
  graph.node('Concat', [query, key, value], { name: 'joint', attributes: { axis: { int: -1 } } })
