import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isInShard } from '../../../../src/cli/run/takePrompts.js'

describe('isInShard', () => {
  it('puts each id into exactly one shard', () =>
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 200 }), (id, count) => {
        const holding = Array.from({ length: count }, (_, index) => isInShard(id, { index: index + 1, count })).filter(Boolean)
        expect(holding).toEqual([true])
      }),
    ))

  it('makes shards of about one size, also of ids that differ in a digit', () => {
    const sizes = Array.from({ length: 8 }, () => 0)
    for (let row = 0; row < 8_000; row++)
      for (let index = 1; index <= 8; index++) if (isInShard(`in.jsonl:${row}`, { index, count: 8 })) sizes[index - 1]!++
    for (const size of sizes) expect(Math.abs(size - 1_000)).toBeLessThan(150)
  })

  it('stays as it is, because a run that goes on needs the same shards', () =>
    expect([1, 2, 3, 4, 5].map((row) => [1, 2, 3].find((index) => isInShard(`row-${row}`, { index, count: 3 })))).toEqual([
      1, 2, 2, 2, 3,
    ]))
})
