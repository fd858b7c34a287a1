import { describe, expect, it } from 'vitest'
import { CHUNK, depths, planPasses, widthClass } from '../../../../../src/models/runtime/decoder/passes.js'

const tokens = (count: number) => Int32Array.from({ length: count }, (_, i) => i)

describe('planPasses', () => {
  it('cuts a prompt on the grid at any length of the cache', () => {
    const cuts = (start: number) => planPasses(start, tokens(2 * CHUNK + 5), [[]]).map(({ tokenIds }) => tokenIds.at(-1)! + 1)
    expect(cuts(0)).toEqual([CHUNK, 2 * CHUNK, 2 * CHUNK + 5])
    expect(cuts(3)).toEqual([CHUNK, 2 * CHUNK, 2 * CHUNK + 5])
    expect(cuts(CHUNK)).toEqual([2 * CHUNK, 2 * CHUNK + 5])
  })

  it('makes no empty pass if a prompt ends on the grid', () => {
    expect(planPasses(0, tokens(CHUNK), [[]])).toHaveLength(1)
  })

  it('reads only in the last pass', () => {
    expect(planPasses(0, tokens(CHUNK + 2), [[]]).map(({ reads }) => reads)).toEqual([[], [1]])
  })

  it('puts candidates after the chain, as siblings at one position', () => {
    const [pass] = planPasses(2, tokens(4), [[7], [8], [9, 10]])
    expect(pass).toEqual({ tokenIds: [2, 3, 7, 8, 9, 10], parents: [-1, 0, 1, 1, 1, 4], kept: 2, reads: [2, 3, 5] })
    expect([...depths(pass!)]).toEqual([0, 1, 2, 2, 2, 3])
  })

  it('puts candidates after the cached past if nothing else is new', () => {
    const [pass] = planPasses(4, tokens(4), [[7], [8]])
    expect(pass).toEqual({ tokenIds: [7, 8], parents: [-1, -1], kept: 0, reads: [0, 1] })
  })
})

describe('widthClass', () => {
  it('joins passes that are short, or differ by less than a factor of two', () => {
    expect([1, 2, 10, 16, 17, 32, 33, 64].map(widthClass)).toEqual([4, 4, 4, 4, 5, 5, 6, 6])
  })
})
