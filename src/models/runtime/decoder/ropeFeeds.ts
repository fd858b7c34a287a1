import { Tensor } from 'onnxruntime-node'
import type { Rope } from '../../checkpoint/families/rope.js'
import type { NamedRope } from '../../graph/layers/rope.js'
import { longropeFrequencies, ropeFrequencies } from '../../graph/layers/ropeFrequencies.js'

/** A table's cosines and sines, Float32[rows, width] each. */
export type RopeRows = Readonly<{ rows: number; width: number; cos: Float32Array; sin: Float32Array }>

/** Fewest rows of a table. Longer tables have a power of two. */
const FEWEST = 256

/** Rows of a table for `needed` positions. */
export const ropeRows = (needed: number): number => 2 ** Math.ceil(Math.log2(Math.max(FEWEST, needed)))

const { fround } = Math

/**
 * A rope's table, which grows to at least `needed` rows. A row depends on its position alone, so bits do not depend on the table's length. From row
 * `longAfter` on, positions count from 0 again, with the frequencies of long sequences if the rope has some (LongRoPE).
 */
export function growingRope(rope: Rope, longAfter = Number.POSITIVE_INFINITY): (needed: number) => RopeRows {
  const { ropeScaling: scaling, rotaryDim } = rope
  const amplitude = fround('attentionFactor' in scaling ? scaling.attentionFactor : 1)
  const width = rotaryDim / 2
  const short = ropeFrequencies(rope)
  const long = longropeFrequencies(rope) ?? short
  let made: RopeRows = { rows: 0, width, cos: new Float32Array(0), sin: new Float32Array(0) }

  const grown = (table: Float32Array, rows: number, of: (angle: number) => number): Float32Array => {
    const values = new Float32Array(rows * width)
    values.set(table)
    let index = table.length
    for (let row = made.rows; row < rows; row++) {
      const [frequencies, position] = row < longAfter ? [short, row] : [long, row - longAfter]
      for (const frequency of frequencies) values[index++] = fround(of(fround(position * frequency))) * amplitude
    }
    return values
  }
  return (needed) => {
    if (needed > made.rows) {
      const rows = ropeRows(needed)
      made = { rows, width, cos: grown(made.cos, rows, Math.cos), sin: grown(made.sin, rows, Math.sin) }
    }
    return made
  }
}

/** The rope tables of a graph as inputs, each with at least `needed` rows. */
export function ropeFeeds(ropes: readonly NamedRope[], longAfter?: number): (needed: number) => Record<string, Tensor> {
  const tables = ropes.map(({ name, rope }) => ({ name, rowsOf: growingRope(rope, longAfter) }))
  return (needed) =>
    Object.fromEntries(
      tables.flatMap(({ name, rowsOf }) => {
        const { rows, width, cos, sin } = rowsOf(needed)
        const input = (part: string, values: Float32Array) =>
          [`${name}_${part}`, new Tensor('float32', values, [rows, width])] as const
        return [input('cos', cos), input('sin', sin)]
      }),
    )
}

/** Bytes of a graph's rope tables for sequences of `tokens` tokens. */
export function ropeBytes(ropes: readonly NamedRope[], tokens: number, longAfter = Number.POSITIVE_INFINITY): number {
  const rows = ropeRows(tokens > longAfter ? longAfter + tokens : tokens)
  return ropes.reduce((sum, { rope }) => sum + 4 * rows * rope.rotaryDim, 0)
}
