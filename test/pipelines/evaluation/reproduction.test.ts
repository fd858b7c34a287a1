import { describe, expect, it } from 'vitest'
import { checkpoints, comparisons, runName, runsOf } from '../../../pipelines/evaluation/reproduction.js'

const everything = new Set(['chat-lm', 'chat-rm', ...Object.keys(checkpoints)])
const embedded = new Set(['chat-lm', 'chat-rm'])

describe('comparisons', () => {
  it('cover decoders on both language models, training and sizes with all checkpoints', () => {
    const all = comparisons(everything)
    expect(all.map(({ runs, left }) => [runs.length, left])).toEqual([
      [7, []],
      [7, []],
      [4, []],
      [6, []],
    ])
    expect(all[2]!.runs.map(runName)).toEqual([
      'chat-lm/chat-rm/greedy',
      'chat-lm/chat-rm/args',
      'ppo-lm/chat-rm/greedy',
      'dpo-lm/chat-rm/greedy',
    ])
  })
  it('name the comparisons that lack a checkpoint', () => {
    const all = comparisons(embedded)
    expect(all.map(({ left }) => left)).toEqual([[], ['base-lm'], ['ppo-lm', 'dpo-lm'], ['small-lm', 'small-rm']])
    expect(all.map(({ runs }) => runs.length)).toEqual([7, 0, 2, 2])
  })
})

describe('runsOf', () => {
  it('lists every run once, in a group for each pair of models', () => {
    const groups = runsOf(comparisons(everything))
    const names = groups.flat().map(runName)
    expect(new Set(names).size).toBe(names.length)
    const models = groups.map((group) => new Set(group.map(({ lm, reward }) => `${lm}/${reward}`)))
    expect(models.every(({ size }) => size === 1)).toBe(true)
    expect(new Set(models.flatMap((each) => [...each])).size).toBe(groups.length)
  })
})
