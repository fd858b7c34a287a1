import { describe, expect, it } from 'vitest'
import { topKSampling } from '../../../pipelines/decoders/topKSampling.js'
import { generate } from '../../../pipelines/run/generate.js'
import { bestOfN } from '../../../pipelines/searches/bestOfN.js'
import { OptionError } from '../../../src/core/errors.js'
import type { Row } from '../../../src/core/run.js'
import { fakeLm, fakeModels, fakeRm, promptsOf, rowsOf, settled } from '../../fakes.js'

const prompts = ['one', 'two', 'three', 'four', 'five']
const settings = { maxNewTokens: 12, concurrency: 3 }
const tokens = ({ id, sample, tokenIds, reward }: Row) => ({ id, sample, tokenIds, reward })

describe('bestOfN', () => {
  it('keeps the sample with the highest reward', async () => {
    const [n, samples] = [5, 2]
    const models = () => fakeModels(fakeLm({ endLogit: 0.5 }))
    const best = await rowsOf(generate(promptsOf(prompts), bestOfN({ n, k: 20 }), models(), { ...settings, samples }))
    const all = await rowsOf(
      generate(promptsOf(prompts), topKSampling({ k: 20 }), models(), { ...settings, samples: n * samples }),
    )
    const expected = settled(best).map(({ id, sample }) => {
      const choices = settled(all).filter((row) => row.id === id && Math.floor(row.sample / n) === sample)
      expect(choices).toHaveLength(n)
      const chosen = choices.reduce((top, row) => (row.reward! > top.reward! ? row : top))
      return { ...tokens(chosen), sample }
    })
    expect(expected).toHaveLength(prompts.length * samples)
    expect(settled(best).map(tokens)).toEqual(expected)
    expect(new Set(settled(best).map(({ finishReason }) => finishReason)).size).toBe(2)
  })

  it('gives the same reply at any concurrency, and frees all caches', async () => {
    const [lm, rm] = [fakeLm({ maxBatch: 7 }), fakeRm({ maxBatch: 3 })]
    const alone = await rowsOf(
      generate(promptsOf(prompts), bestOfN({ n: 4 }), fakeModels(lm, [rm]), { ...settings, concurrency: 1 }),
    )
    const together = await rowsOf(generate(promptsOf(prompts), bestOfN({ n: 4 }), fakeModels(), { ...settings, concurrency: 5 }))
    expect(settled(together)).toEqual(settled(alone))
    expect([lm.held.size, rm.held.size]).toEqual([0, 0])
    expect(Math.max(...lm.batches)).toBe(4)
  })

  it('keeps the earlier of two equally good samples, whichever ends first', async () => {
    const equal = { ...fakeRm(), run: async (calls: readonly unknown[]) => calls.map(() => Float32Array.of(1)) }
    const best = await rowsOf(
      generate(promptsOf(prompts), bestOfN({ n: 6 }), fakeModels(fakeLm({ endLogit: 3 }), [equal]), settings),
    )
    const first = await rowsOf(
      generate(promptsOf(prompts), topKSampling(), fakeModels(fakeLm({ endLogit: 3 }), [equal]), settings),
    )
    expect(settled(best).map(tokens)).toEqual(settled(first).map(tokens))
  })

  it('equals sampling for n = 1', async () => {
    const best = await rowsOf(generate(promptsOf(prompts), bestOfN({ n: 1 }), fakeModels(), settings))
    expect(settled(best)).toEqual(settled(await rowsOf(generate(promptsOf(prompts), topKSampling(), fakeModels(), settings))))
  })

  it('has its options in the spec, and needs a reward', () => {
    const run = generate(promptsOf([]), bestOfN({ n: 3, k: 5, temperature: 1 }), fakeModels())
    expect(run.meta.spec.decoder).toEqual({
      steps: [{ topK: { k: 5 } }, { sampleTemperature: { temperature: 1 } }, { bestOfN: { n: 3, reward: 'fake' } }],
    })
    expect(() => generate(promptsOf([]), bestOfN(), fakeModels(fakeLm(), []))).toThrow(OptionError)
  })

  it('makes an error row if one sample fails', async () => {
    const lm = fakeLm({ maxBatch: 1, fails: (ids) => String.fromCharCode(...ids).startsWith('two') && ids.length > 6 })
    const rows = await rowsOf(generate(promptsOf(prompts), bestOfN({ n: 3 }), fakeModels(lm), settings))
    expect(settled(rows).map(({ finishReason }) => finishReason)).toEqual(['length', 'error', 'length', 'length', 'length'])
    expect(lm.held.size).toBe(0)
  })
})
