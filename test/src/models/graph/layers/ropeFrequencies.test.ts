import { describe, expect, it } from 'vitest'
import type { Rope } from '../../../../../src/models/checkpoint/families/rope.js'
import { longropeFrequencies, ropeFrequencies } from '../../../../../src/models/graph/layers/ropeFrequencies.js'

const llama3 = { type: 'llama3', factor: 8, lowFreqFactor: 1, highFreqFactor: 4 } as const

const yarn = { type: 'yarn', factor: 4, betaFast: 32, betaSlow: 1, truncate: true, attentionFactor: 1 } as const
const longrope = {
  type: 'longrope',
  shortFactor: Array.from({ length: 8 }, (_, pair) => 1 + 0.2 * pair),
  longFactor: Array.from({ length: 8 }, (_, pair) => 2 + 0.7 * pair),
  attentionFactor: 1,
  originalMaxPositionEmbeddings: 46,
} as const

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
  [
    'yarn',
    { ropeTheta: 500, ropeScaling: { ...yarn, originalMaxPositionEmbeddings: 128 } },
    [
      1.0, 0.37363889813423157, 0.1321713924407959, 0.04254654794931412, 0.011180340312421322, 0.005141428206115961,
      0.0023643539752811193, 0.0010872796410694718,
    ],
  ],
  [
    'yarn as Qwen2.5 has it',
    { ropeTheta: 1_000_000, ropeScaling: { ...yarn, originalMaxPositionEmbeddings: 32_768 } },
    [
      1.0, 0.17782793939113617, 0.03162277862429619, 0.004217559937387705, 0.0005000000237487257, 0.000044456985051510856,
      0.000007905693564680405, 0.000001405853367941745,
    ],
  ],
  [
    'yarn with bounds of its own that fall between pairs',
    { ropeTheta: 500, ropeScaling: { ...yarn, betaFast: 16, betaSlow: 2, truncate: false, originalMaxPositionEmbeddings: 128 } },
    [
      1.0, 0.3710844814777374, 0.11139710992574692, 0.02431231178343296, 0.011180340312421322, 0.005141428206115961,
      0.0023643539752811193, 0.0010872796410694718,
    ],
  ],
  [
    'longrope, short sequences',
    { ropeTheta: 200, ropeScaling: longrope },
    [
      1.0, 0.4297243654727936, 0.18993914127349854, 0.0857025533914566, 0.03928371146321297, 0.01823166199028492,
      0.00854682456701994, 0.004040057305246592,
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

describe('longropeFrequencies', () => {
  it('are those of long sequences', () => {
    const frequencies = longropeFrequencies({ ropeTheta: 200, ropeScaling: longrope, rotaryDim: 16 })!
    const expected = [
      ...[0.5, 0.19098861515522003, 0.07821023464202881, 0.03344490006566048, 0.014731390401721, 0.006629695184528828],
      ...[0.0030327443964779377, 0.0014052372425794601],
    ]
    expected.forEach((value, pair) => {
      expect(Math.abs(frequencies[pair]! / value - 1)).toBeLessThan(2.5e-7)
    })
  })

  it('are undefined for other kinds of scaling', () => {
    expect(longropeFrequencies({ ropeTheta: 200, ropeScaling: { type: 'none' }, rotaryDim: 16 })).toBeUndefined()
  })
})
