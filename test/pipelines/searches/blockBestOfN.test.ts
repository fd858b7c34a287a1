import { describe, expect, it } from 'vitest'
import { topKSampling } from '../../../pipelines/decoders/topKSampling.js'
import { generate } from '../../../pipelines/run/generate.js'
import { bestOfN } from '../../../pipelines/searches/bestOfN.js'
import { blockBestOfN } from '../../../pipelines/searches/blockBestOfN.js'
import { OptionError } from '../../../src/core/errors.js'
import { cancelAfter, fakeLm, fakeModels, fakeRm, promptsOf, rowsOf, settled } from '../../fakes.js'

const prompts = ['one', 'two', 'three', 'four', 'five']
const settings = { maxNewTokens: 12, concurrency: 3 }
const models = () => fakeModels(fakeLm({ endLogit: 0.5 }))

describe('blockBestOfN', () => {
  it('equals best of n with blocks as long as a reply', async () => {
    const blocks = generate(promptsOf(prompts), blockBestOfN({ n: 4, k: 20, blockTokens: 12 }), models(), {
      ...settings,
      samples: 2,
    })
    const whole = generate(promptsOf(prompts), bestOfN({ n: 4, k: 20 }), models(), { ...settings, samples: 2 })
    expect(settled(await rowsOf(blocks))).toEqual(settled(await rowsOf(whole)))
  })

  it('equals sampling for n = 1', async () => {
    const blocks = generate(promptsOf(prompts), blockBestOfN({ n: 1, blockTokens: 5 }), models(), settings)
    expect(settled(await rowsOf(blocks))).toEqual(
      settled(await rowsOf(generate(promptsOf(prompts), topKSampling(), models(), settings))),
    )
  })

  it('gives the same reply at any concurrency, and frees all caches', async () => {
    const [lm, rm] = [fakeLm({ maxBatch: 7, endLogit: 0.5 }), fakeRm({ maxBatch: 3 })]
    const search = blockBestOfN({ n: 4, blockTokens: 3 })
    const alone = await rowsOf(generate(promptsOf(prompts), search, fakeModels(lm, [rm]), { ...settings, concurrency: 1 }))
    const together = await rowsOf(generate(promptsOf(prompts), search, models(), { ...settings, concurrency: 5 }))
    expect(settled(together)).toEqual(settled(alone))
    expect([lm.held.size, rm.held.size]).toEqual([0, 0])
    expect(Math.max(...lm.batches)).toBe(4)
    expect(new Set(alone.map(({ finishReason }) => finishReason))).toEqual(new Set(['stop', 'length']))
  })

  it('scores a reply up to its stop string', async () => {
    const rows = await rowsOf(
      generate(promptsOf(prompts), blockBestOfN({ n: 4, blockTokens: 3 }), models(), { ...settings, stop: ['a', 'e', 'o'] }),
    )
    for (const { completion } of rows) expect(completion).not.toMatch(/[aeo]/)
    expect(rows.some(({ tokenIds, completion }) => tokenIds!.length > completion!.length)).toBe(true)
  })

  it('keeps the earlier of two equally good samples, whichever ends first', async () => {
    const equal = { ...fakeRm(), run: async (calls: readonly unknown[]) => calls.map(() => Float32Array.of(1)) }
    const same = () => fakeModels(fakeLm({ endLogit: 3 }), [equal])
    // The first block continues sample 0 of n.
    const best = await rowsOf(generate(promptsOf(prompts), blockBestOfN({ n: 6, blockTokens: 2 }), same(), settings))
    const first = await rowsOf(generate(promptsOf(prompts), topKSampling(), same(), settings))
    expect(settled(best)).toEqual(settled(first))
  })

  it('frees its blocks on cancellation and failure', async () => {
    const rm = fakeRm()
    const left = await cancelAfter(60, (lm) =>
      generate(promptsOf(prompts), blockBestOfN(), fakeModels(lm, [rm]), { maxNewTokens: 500 }),
    )
    expect(rm.released.length).toBeGreaterThan(0)
    expect([left.held.size, rm.held.size]).toEqual([0, 0])

    const failing = fakeLm({ maxBatch: 1, fails: (ids) => String.fromCharCode(...ids).startsWith('two') && ids.length > 6 })
    const rows = await rowsOf(generate(promptsOf(prompts), blockBestOfN({ blockTokens: 2 }), fakeModels(failing, [rm]), settings))
    expect(settled(rows).map(({ finishReason }) => finishReason)).toEqual(['length', 'error', 'length', 'length', 'length'])
    expect([failing.held.size, rm.held.size]).toEqual([0, 0])
  })

  it('has its options in the spec, and refuses invalid ones', () => {
    expect(generate(promptsOf([]), blockBestOfN({ n: 3 }), fakeModels()).meta.spec.decoder).toEqual({
      steps: [{ blockBestOfN: { k: 40, temperature: 0.7, p: 1, n: 3, blockTokens: 32, reward: 'fake' } }],
    })
    expect(() => generate(promptsOf([]), blockBestOfN(), fakeModels(fakeLm(), []))).toThrow(OptionError)
    expect(() => generate(promptsOf([]), blockBestOfN({ blockTokens: 0 }), fakeModels())).toThrow(OptionError)
  })
})
