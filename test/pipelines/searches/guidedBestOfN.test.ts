import { describe, expect, it } from 'vitest'
import { argsStochastic } from '../../../pipelines/decoders/argsStochastic.js'
import { generate } from '../../../pipelines/run/generate.js'
import { guidedBestOfN } from '../../../pipelines/searches/guidedBestOfN.js'
import { OptionError } from '../../../src/core/errors.js'
import type { Row } from '../../../src/core/run.js'
import { fakeLm, fakeModels, fakeRm, promptsOf, rowsOf, settled } from '../../fakes.js'

const prompts = ['one', 'two', 'three', 'four', 'five']
const settings = { maxNewTokens: 12, concurrency: 3 }
const tokens = ({ id, tokenIds, rewards, reward }: Row) => ({ id, tokenIds, rewards, reward })

describe('guidedBestOfN', () => {
  it('keeps the reply of ARGS-stochastic with the highest reward', async () => {
    const guided = { k: 20, weight: 2, temperature: 1 }
    const models = () => fakeModels(fakeLm({ endLogit: 0.5 }))
    const best = await rowsOf(generate(promptsOf(prompts), guidedBestOfN({ n: 4, ...guided }), models(), settings))
    const all = await rowsOf(generate(promptsOf(prompts), argsStochastic(guided), models(), { ...settings, samples: 4 }))
    const expected = settled(best).map(({ id }) =>
      settled(all)
        .filter((row) => row.id === id)
        .reduce((top, row) => (row.reward! > top.reward! ? row : top)),
    )
    expect(settled(best).map(tokens)).toEqual(expected.map(tokens))
    expect(expected.some(({ sample }) => sample > 0)).toBe(true)
  })

  it('frees the caches of all replies', async () => {
    const [lm, rm] = [fakeLm(), fakeRm()]
    await rowsOf(generate(promptsOf(prompts), guidedBestOfN({ n: 3 }), fakeModels(lm, [rm]), settings))
    expect([lm.held.size, rm.held.size]).toEqual([0, 0])
  })

  it('has the operators of its replies in the spec, and needs a reward', () => {
    const run = generate(promptsOf([]), guidedBestOfN({ n: 3, k: 5, weight: 2, temperature: 1 }), fakeModels())
    expect(run.meta.spec.decoder).toEqual({
      steps: [
        { topK: { k: 5 } },
        { batchReward: { reward: 'fake' } },
        { combineScore: { weight: 2, reward: 'fake' } },
        { sampleTemperature: { temperature: 1 } },
        { bestOfN: { n: 3, reward: 'fake' } },
      ],
    })
    expect(() => generate(promptsOf([]), guidedBestOfN(), fakeModels(fakeLm(), []))).toThrow(OptionError)
  })
})
