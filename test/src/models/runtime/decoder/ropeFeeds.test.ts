import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Rope } from '../../../../../src/models/checkpoint/families/rope.js'
import type { RopeScaling } from '../../../../../src/models/checkpoint/families/ropeScaling.js'
import { longropeFrequencies, ropeFrequencies } from '../../../../../src/models/graph/layers/ropeFrequencies.js'
import { growingRope, ropeBytes, ropeFeeds, ropeRows } from '../../../../../src/models/runtime/decoder/ropeFeeds.js'

const original = { originalMaxPositionEmbeddings: 300 }
const scalings: readonly RopeScaling[] = [
  { type: 'none' },
  { type: 'linear', factor: 4 },
  { type: 'llama3', factor: 8, lowFreqFactor: 1, highFreqFactor: 4, ...original },
  { type: 'yarn', factor: 4, betaFast: 32, betaSlow: 1, truncate: true, attentionFactor: 1.2, ...original },
  { type: 'longrope', shortFactor: [1, 1.5, 2, 3], longFactor: [2, 5, 9, 20], attentionFactor: 1.1, ...original },
]
const ropeOf = (ropeScaling: RopeScaling): Rope => ({ ropeTheta: 10_000, ropeScaling, rotaryDim: 8 })

describe.each(scalings.map((scaling) => [scaling.type, ropeOf(scaling)] as const))(
  'a table that grows, scaling %s',
  (_, rope) => {
    const longAfter = rope.ropeScaling.type === 'longrope' ? original.originalMaxPositionEmbeddings : undefined

    it('has the same bits in a row after any steps of growth', () => {
      const whole = growingRope(rope, longAfter)(2000)
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 5 }), (lengths) => {
          const rowsOf = growingRope(rope, longAfter)
          for (const needed of lengths) {
            const { rows, width, cos, sin } = rowsOf(needed)
            expect(rows).toBeGreaterThanOrEqual(needed)
            expect(cos).toEqual(whole.cos.subarray(0, rows * width))
            expect(sin).toEqual(whole.sin.subarray(0, rows * width))
          }
        }),
        { numRuns: 20 },
      )
    })

    it('holds the angles of each position, first for short sequences, then for long ones', () => {
      const { cos, sin, width } = growingRope(rope, longAfter)(700)
      const amplitude = Math.fround('attentionFactor' in rope.ropeScaling ? rope.ropeScaling.attentionFactor : 1)
      const long = longropeFrequencies(rope)
      for (const row of [0, 1, 255, 256, 299, 300, 301, 699]) {
        const isLong = longAfter !== undefined && row >= longAfter
        const frequencies = isLong ? long! : ropeFrequencies(rope)
        const position = isLong ? row - longAfter : row
        for (const [pair, frequency] of frequencies.entries()) {
          const angle = Math.fround(position * frequency)
          expect(cos[row * width + pair]).toBe(Math.fround(Math.fround(Math.cos(angle)) * amplitude))
          expect(sin[row * width + pair]).toBe(Math.fround(Math.fround(Math.sin(angle)) * amplitude))
        }
      }
    })

    it('has at most twice the rows that it needs', () => {
      for (const needed of [1, 256, 257, 1000, 1025]) expect(ropeRows(needed)).toBeLessThanOrEqual(Math.max(256, 2 * needed))
    })
  },
)

describe('ropeFeeds', () => {
  const ropes = [
    { name: 'rope', rope: ropeOf({ type: 'none' }) },
    { name: 'local_rope', rope: { ...ropeOf({ type: 'none' }), rotaryDim: 4 } },
  ]

  it('gives both tables of each rope, and none for learned positions', () => {
    const dims = Object.entries(ropeFeeds(ropes)(300)).map(([name, tensor]) => [name, tensor.dims])
    expect(dims).toEqual([
      ['rope_cos', [512, 4]],
      ['rope_sin', [512, 4]],
      ['local_rope_cos', [512, 2]],
      ['local_rope_sin', [512, 2]],
    ])
    expect(ropeFeeds([])(300)).toEqual({})
  })

  it('have the size that `ropeBytes` says', () => {
    const sizes = Object.values(ropeFeeds(ropes)(300)).map(({ data }) => (data as Float32Array).byteLength)
    expect(ropeBytes(ropes, 300)).toBe(sizes.reduce((sum, size) => sum + size, 0))
    expect(ropeBytes(ropes, 400, 300)).toBe(ropeBytes(ropes, 700))
  })
})
