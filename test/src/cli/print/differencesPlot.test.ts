import { describe, expect, it } from 'vitest'
import type { PairFigures } from '../../../../pipelines/evaluation/evaluate.js'
import { differencesPlot } from '../../../../src/cli/print/differencesPlot.js'

const pair = (name: string, value?: number): PairFigures => ({
  ...{ name, against: 'greedy', rows: 9, onlyHere: 0, onlyThere: 0, otherPrompts: 0, otherRewards: [], outcomes: {} },
  differences: { reward: value === undefined ? null : { value, low: value - 1, high: value + 1 } },
})

describe('differencesPlot', () => {
  it('has a point and an interval for each run that has the metric', () => {
    const svg = differencesPlot([pair('args', 2), pair('nucleus', -1), pair('none')], 'reward')!
    expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/)
    expect(svg.match(/<circle /g)).toHaveLength(2)
    for (const word of ['args', 'nucleus', 'Difference in reward', 'reward minus that of greedy', '2.000 [1.000, 3.000]'])
      expect(svg).toContain(word)
    expect(svg).not.toContain('none<')
  })
  it('has 0 in the middle of its axis if no run differs', () => {
    const same = { ...pair('args'), differences: { reward: { value: 0, low: 0, high: 0 } } }
    const svg = differencesPlot([same], 'reward')!
    const ticks = svg.match(/aria-label="x-axis tick label"[^>]*>(.*?)<\/g>/)![1]!.match(/(?<=>)[^<]+(?=<)/g)
    expect(ticks).toEqual(['−1.0', '−0.5', '0.0', '0.5', '1.0'])
  })
  it('is absent if no run has the metric', () => expect(differencesPlot([pair('args')], 'reward')).toBeUndefined())
})
