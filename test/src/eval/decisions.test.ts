import { describe, expect, it } from 'vitest'
import { decisions } from '../../../src/eval/decisions.js'

const step = (
  tokenIds: number[],
  logits: (number | null)[],
  scores: (number | null)[],
  rewards: Record<string, (number | null)[]> = {},
) => ({ tokenIds, logits, scores, rewards })

describe('decisions', () => {
  it("give the chosen token, greedy's choice, and the highest score", () => {
    const [one, two] = decisions({
      tokenIds: [8, 5],
      trace: [step([7, 8], [2, 1], [0, 4], { safe: [-2, 3], short: [0, 0] }), step([5, 6], [3, 2], [3, 9])],
    })
    expect(one).toMatchObject({ position: 0, tokenId: 8, chosen: 1, greedy: 0, best: 1, differs: true })
    expect(one!.candidates[1]).toEqual({ tokenId: 8, logit: 1, score: 4, rewards: { safe: 3, short: 0 } })
    expect(two).toMatchObject({ position: 1, tokenId: 5, chosen: 0, greedy: 0, best: 1, differs: false })
  })

  it('give ties to the first, and omit values that are not finite', () => {
    const [one] = decisions({ tokenIds: [2], trace: [step([1, 2, 3], [null, 4, 4], [5, null, 5])] })
    expect(one).toMatchObject({ greedy: 1, best: 0, chosen: 1, differs: false })
  })

  it('report a token outside the candidates, and missing candidates', () => {
    expect(decisions({ tokenIds: [9], trace: [step([1], [0], [0])] })[0]).toMatchObject({ chosen: -1, greedy: 0, differs: true })
    expect(decisions({ tokenIds: [9], trace: [step([], [], [])] })[0]).toMatchObject({ chosen: -1, greedy: -1, differs: false })
    expect(decisions({ tokenIds: [9], trace: null })).toEqual([])
  })
})
