import { describe, expect, it } from 'vitest'
import type { Rope } from '../../../../../src/models/checkpoint/rope.js'
import { ropeFrequencies } from '../../../../../src/models/graph/layers/ropeFrequencies.js'

const llama3 = { type: 'llama3', factor: 8, lowFreqFactor: 1, highFreqFactor: 4 } as const

// `LlamaRotaryEmbedding(config).inv_freq` of transformers 5.23.0 for heads of 16.
const known: [string, Omit<Rope, 'rotaryDim'>, number[]][] = [
  [
    'theta 500',
    { ropeTheta: 500, ropeScaling: { type: 'none' } },
    [
      1.0, 0.4598632752895355, 0.2114742398262024, 0.09724924713373184, 0.04472136124968529, 0.020565712824463844,
      0.009457415901124477, 0.004349118564277887,
    ],
  ],
  [
    'linear',
    { ropeTheta: 10_000, ropeScaling: { type: 'linear', factor: 4 } },
    [
      0.25, 0.07905694097280502, 0.02500000037252903, 0.007905694656074047, 0.0024999999441206455, 0.0007905694656074047,
      0.0002500000118743628, 0.00007905694656074047,
    ],
  ],
  [
    'llama3, all three bands',
    { ropeTheta: 100, ropeScaling: { ...llama3, originalMaxPositionEmbeddings: 64 } },
    [
      1.0, 0.5623413324356079, 0.24438458681106567, 0.06430987268686295, 0.013042256236076355, 0.007029266096651554,
      0.0039528473280370235, 0.002222849288955331,
    ],
  ],
  [
    'llama3 as Llama 3.1 has it',
    { ropeTheta: 500_000, ropeScaling: { ...llama3, originalMaxPositionEmbeddings: 8192 } },
    [
      1.0, 0.193922758102417, 0.03760603070259094, 0.00729266507551074, 0.0005248460220173001, 0.00003428102354519069,
      0.000006647869668086059, 0.000001289173155782919,
    ],
  ],
]

describe('ropeFrequencies', () => {
  it.each(known)('are those of transformers to two units in the last place (%s)', (_, rope, expected) => {
    const frequencies = ropeFrequencies({ ...rope, rotaryDim: 16 })
    expect(frequencies).toHaveLength(8)
    expected.forEach((value, pair) => {
      expect(Math.abs(frequencies[pair]! / value - 1)).toBeLessThan(2.5e-7)
    })
  })
})
