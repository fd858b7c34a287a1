import { describe, expect, it } from 'vitest'
import { args } from '../../../pipelines/decoders/args.js'
import { generate } from '../../../pipelines/run/generate.js'
import { rollout } from '../../../pipelines/searches/rollout.js'
import type { BatchedRewardModel, RewardCall } from '../../../src/core/batched.js'
import { OptionError } from '../../../src/core/errors.js'
import type { Row } from '../../../src/core/run.js'
import { cancelAfter, END, fakeLm, fakeModels, fakeRm, promptsOf, rowsOf, settled } from '../../fakes.js'

const prompts = ['one', 'two', 'three', 'four']
const settings = { maxNewTokens: 10, concurrency: 3 }
const tokens = (rows: readonly Row[]) => settled(rows).map(({ id, tokenIds, reward }) => ({ id, tokenIds, reward }))

/** A reward model that records the sequences that it reads. */
const watching = () => {
  const seen: number[][] = []
  const rm: BatchedRewardModel = fakeRm()
  const run = async (calls: readonly RewardCall[]) => {
    for (const { tokenIds, branches } of calls) for (const branch of branches) seen.push([...tokenIds, ...branch])
    return rm.run(calls)
  }
  return { seen, rm: { ...rm, run } }
}

describe('rollout', () => {
  it('equals ARGS for rollouts of no tokens', async () => {
    const found = await rowsOf(
      generate(promptsOf(prompts), rollout({ k: 6, weight: 2, rolloutTokens: 0 }), fakeModels(), settings),
    )
    expect(settled(found)).toEqual(
      settled(await rowsOf(generate(promptsOf(prompts), args({ k: 6, weight: 2 }), fakeModels(), settings))),
    )
  })

  it('reads the rewards the given number of tokens after the candidate', async () => {
    const { seen, rm } = watching()
    await rowsOf(generate(promptsOf(['one']), rollout({ k: 4, rolloutTokens: 3 }), fakeModels(fakeLm(), [rm]), settings))
    // One token and three more, from the first step on; from the seventh on the limit of tokens ends them.
    const lengths = Array.from({ length: 10 }, (_, step) => Math.min(step + 1 + 3, 10))
    expect(seen.map(({ length }) => length - 'one'.length).sort((a, b) => a - b)).toEqual(
      [...lengths.flatMap((length) => [length, length, length, length]), 10].sort((a, b) => a - b),
    )
  })

  it('ends its rollouts at the end of a reply, without the stop string', async () => {
    const { seen, rm } = watching()
    const models = fakeModels(fakeLm({ endLogit: 2 }), [rm])
    await rowsOf(generate(promptsOf(prompts), rollout({ rolloutTokens: 20 }), models, { ...settings, stop: ['a', 'e'] }))
    const replies = seen.map((ids) => ids.slice(prompts.find((prompt) => String.fromCharCode(...ids).startsWith(prompt))!.length))
    expect(replies.some((reply) => reply.at(-1) === END)).toBe(true)
    for (const reply of replies) {
      expect(reply.slice(0, -1)).not.toContain(END)
      expect(String.fromCharCode(...reply)).not.toMatch(/[ae]/)
    }
  })

  it('combines several rewards, and rows have those of the rollouts', async () => {
    const models = () => fakeModels(fakeLm(), [fakeRm({ name: 'safe' }), { ...fakeRm({ name: 'short' }), run: short }])
    const short = async (calls: readonly RewardCall[]) =>
      calls.map(({ tokenIds, branches }) => Float32Array.from(branches, (branch) => -(tokenIds.length + branch.length)))
    const run = generate(promptsOf(['one']), rollout({ weight: { safe: 2 }, rolloutTokens: 4 }), models(), settings)
    const [row] = await rowsOf(run)
    expect(row!.otherRewards!.short!.rewards).toEqual(Array.from({ length: 10 }, (_, step) => -Math.min(3 + step + 5, 13)))
    row!.scores!.forEach((score, step) => {
      const { rewards, logits, otherRewards } = row!
      expect(score).toBeCloseTo(logits![step]! + 2 * rewards![step]! + otherRewards!.short!.rewards![step]!, 4)
    })
  })

  it('gives the same reply at any concurrency, and frees all caches', async () => {
    const [lm, rm] = [fakeLm({ maxBatch: 7, endLogit: 0.5 }), fakeRm({ maxBatch: 3 })]
    const search = rollout({ k: 5, rolloutTokens: 4 })
    const alone = await rowsOf(generate(promptsOf(prompts), search, fakeModels(lm, [rm]), { ...settings, concurrency: 1 }))
    const together = await rowsOf(generate(promptsOf(prompts), search, fakeModels(fakeLm({ endLogit: 0.5 })), settings))
    expect(settled(together)).toEqual(settled(alone))
    expect([lm.held.size, rm.held.size]).toEqual([0, 0])
    expect(Math.max(...lm.batches)).toBe(5)
    expect(tokens(alone)).not.toEqual(tokens(await rowsOf(generate(promptsOf(prompts), args({ k: 5, weight: 1 }), fakeModels()))))
  })

  it('frees its rollouts on cancellation and failure', async () => {
    const rm = fakeRm()
    const left = await cancelAfter(60, (lm) =>
      generate(promptsOf(prompts), rollout(), fakeModels(lm, [rm]), { maxNewTokens: 500 }),
    )
    expect(rm.released.length).toBeGreaterThan(0)
    expect([left.held.size, rm.held.size]).toEqual([0, 0])

    const failing = fakeLm({ maxBatch: 1, fails: (ids) => String.fromCharCode(...ids).startsWith('two') && ids.length > 6 })
    const rows = await rowsOf(generate(promptsOf(prompts), rollout({ k: 3 }), fakeModels(failing, [rm]), settings))
    expect(settled(rows).map(({ finishReason }) => finishReason)).toEqual(['length', 'error', 'length', 'length'])
    expect([failing.held.size, rm.held.size]).toEqual([0, 0])
  })

  it('has its options in the spec, and refuses invalid ones', () => {
    expect(generate(promptsOf([]), rollout({ k: 3 }), fakeModels()).meta.spec.decoder).toEqual({
      steps: [{ rollout: { k: 3, weight: 1, rolloutTokens: 16 } }],
    })
    expect(() => generate(promptsOf([]), rollout(), fakeModels(fakeLm(), []))).toThrow(OptionError)
    expect(() => generate(promptsOf([]), rollout({ rolloutTokens: -1 }), fakeModels())).toThrow(OptionError)
    expect(() => generate(promptsOf([]), rollout({ weight: { other: 1 } }), fakeModels())).toThrow(OptionError)
  })
})
