import { expect, it } from 'vitest'
import { compareWithArgs } from '../../../../src/cli/bench/compareWithArgs.js'
import type { Recording } from '../../../../src/cli/bench/figures.js'

const recording = (rows: Readonly<Record<string, number[]>>, rewardMs: number): Recording => ({
  ...{
    startedAt: 0,
    endedAt: 100,
    promptTokens: 0,
    sequences: [],
    trips: {},
    requests: {},
    batches: {},
    operators: {},
    peakRssBytes: 0,
    cpuMs: 0,
  },
  completionTokens: Object.values(rows).flat().length,
  rows: Object.entries(rows).map(([id, tokenIds]) => ({ id, promptTokenIds: [], tokenIds })),
  runs: {
    lm: [{ startedAt: 0, endedAt: 50, rows: 1, tokens: 1, reads: 1 }],
    reward: [{ startedAt: 50, endedAt: 50 + rewardMs, rows: 1, tokens: 1, reads: 1 }],
  },
})

it('counts tokens up to the first difference of each completion, in any order, and compares the time a token', () => {
  const args = recording({ a: [1, 2, 3, 4], b: [5, 6], c: [7] }, 14)
  const other = recording({ c: [7], b: [5, 6], a: [1, 2, 9, 4] }, 7)
  expect(compareWithArgs(other, args)).toEqual({ same_tokens: 5 / 6, completions: 3, same_completions: 2, reward_time: 0.5 })
})

it('counts a reply that stops earlier as different', () => {
  const [args, other] = [recording({ a: [1, 2] }, 4), recording({ a: [1] }, 4)]
  expect(compareWithArgs(other, args)).toEqual({ same_tokens: 1, completions: 1, same_completions: 0, reward_time: 2 })
})
