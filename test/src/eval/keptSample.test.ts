import { describe, expect, it } from 'vitest'
import { keptSample } from '../../../src/eval/keptSample.js'

const keys = Array.from({ length: 200 }, (_, index) => ({ id: `r${index}`, sample: 0 }))
const kept = (all: readonly { id: string; sample: number }[], size: number, seed = 0): string[] => {
  const sample = keptSample(size, seed)
  all.forEach(sample.add)
  return sample.keys().map(({ id }) => id)
}

describe('keptSample', () => {
  it('keeps the same keys in any order', () => {
    const ids = kept(keys, 10)
    expect(new Set(ids).size).toBe(10)
    expect(kept(keys.toReversed(), 10)).toEqual(ids)
  })

  it('keeps others with another seed, all if there are fewer, and none at size 0', () => {
    expect(kept(keys, 10, 1)).not.toEqual(kept(keys, 10))
    expect(kept(keys.slice(0, 3), 10).sort()).toEqual(['r0', 'r1', 'r2'])
    expect(kept(keys, 0)).toEqual([])
  })
})
