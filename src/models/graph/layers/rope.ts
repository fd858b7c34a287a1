import type { Rope, RopeScaling } from '../../checkpoint/ropeScaling.js'
import type { GraphBuilder, Value } from '../builder.js'

export type RopeTables = Readonly<{ cos: Value; sin: Value }>

/** Rounds like the fp32 arithmetic of the reference: at position 10,000 the last bit of a frequency is seen in the fourth digit. */
const { fround } = Math

/**
 * Angle per position of each rotated pair: `theta^(-2i / headDim)`, stretched as `scaling` says. Float32[headDim / 2].
 *
 * @see transformers 5 modeling_rope_utils.py `_compute_linear_scaling_rope_parameters`, `_compute_llama3_parameters`
 */
export function ropeFrequencies({ ropeTheta, ropeScaling }: Rope, headDim: number): Float32Array {
  return Float32Array.from({ length: headDim / 2 }, (_, pair) => {
    const frequency = fround(1 / fround(ropeTheta ** fround((2 * pair) / headDim)))
    return scaled(frequency, ropeScaling)
  })
}

function scaled(frequency: number, scaling: RopeScaling): number {
  if (scaling.type === 'none') return frequency
  if (scaling.type === 'linear') return fround(frequency / scaling.factor)
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings } = scaling
  const wavelength = fround((2 * Math.PI) / frequency)
  if (wavelength < originalMaxPositionEmbeddings / highFreqFactor) return frequency
  if (wavelength > originalMaxPositionEmbeddings / lowFreqFactor) return fround(frequency / factor)
  const smooth = fround(
    fround(fround(originalMaxPositionEmbeddings / wavelength) - lowFreqFactor) / (highFreqFactor - lowFreqFactor),
  )
  return fround(fround(fround(fround(1 - smooth) * frequency) / factor) + fround(smooth * frequency))
}

/** Cosines and sines of positions 0 to `positions - 1` as tensors of the graph: float [positions, headDim / 2] each. */
export function ropeTables(graph: GraphBuilder, rope: Rope, headDim: number, positions: number): RopeTables {
  const frequencies = ropeFrequencies(rope, headDim)
  const half = headDim / 2
  const table = (of: (angle: number) => number) => {
    const values = new Float32Array(positions * half)
    for (let position = 0; position < positions; position++)
      for (let pair = 0; pair < half; pair++) values[position * half + pair] = of(fround(position * frequencies[pair]!))
    return values
  }
  return {
    cos: graph.constant('rope/cos', table(Math.cos), [positions, half]),
    sin: graph.constant('rope/sin', table(Math.sin), [positions, half]),
  }
}

/**
 * Rotates each head of [B, S, heads · headDim] by its position; element i is paired with i + headDim / 2. One node of the runtime's
 * own, which looks the angles up by `positionIds`.
 */
export const rotate = (graph: GraphBuilder, input: Value, positionIds: Value, { cos, sin }: RopeTables, name: string): Value =>
  graph.node('RotaryEmbedding', [input, positionIds, cos, sin], {
    name,
    domain: 'com.microsoft',
    attributes: { interleaved: { int: 0 } },
  })
