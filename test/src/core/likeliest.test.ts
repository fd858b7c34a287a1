import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { likeliest } from '../../../src/core/likeliest.js'

describe('likeliest', () => {
  it('gives what sorting by logit, then by token id, gives', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 600 }),
        fc.integer({ min: 1, max: 500 }),
        (values, n) => {
          const logits = Float32Array.from(values)
          const expected = values.map((_, id) => id).sort((a, b) => values[b]! - values[a]! || a - b)
          expect([...likeliest(logits, n).tokenIds]).toEqual(expected.slice(0, n))
        },
      ),
    )
  })

  it('puts a NaN first and keeps it, few or many asked for', () => {
    const logits = new Float32Array(1000).fill(1)
    logits[700] = Number.NaN
    for (const n of [2, 900]) expect(likeliest(logits, n).values[0]).toBeNaN()
  })
})
