import { describe, expect, it } from 'vitest'
import { didYouMean, editDistance, nearest } from '../../../src/core/nearest.js'

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['topK', '', 4],
    ['kitten', 'sitting', 3],
    ['topK', 'topP', 1],
    ['flaw', 'lawn', 2],
  ])('of %j and %j is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance)
    expect(editDistance(b, a)).toBe(distance)
  })
})

describe('nearest', () => {
  const names = ['topK', 'topP', 'combineScore', 'selectGreedy']
  it('finds the intended name in any case', () => {
    expect(nearest('topk', names)).toBe('topK')
    expect(nearest('combinScore', names)).toBe('combineScore')
    expect(nearest('select_greedy', names)).toBe('selectGreedy')
  })
  it('finds none if most of the name differs', () => {
    expect(nearest('xyz', names)).toBeUndefined()
    expect(nearest('topK', [])).toBeUndefined()
    expect(didYouMean('xyz', names)).toBe('')
  })
  it('puts its question in brackets', () => expect(didYouMean('topk', names)).toBe(' (did you mean `topK`?)'))
})
