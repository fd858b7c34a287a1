import { setTimeout as later } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { args } from '../../pipelines/decoders/args.js'
import { argsStochastic } from '../../pipelines/decoders/argsStochastic.js'
import { greedy } from '../../pipelines/decoders/greedy.js'
import { nucleus } from '../../pipelines/decoders/nucleus.js'
import { ensembleReward } from '../../pipelines/rewards/ensembleReward.js'
import { textReward } from '../../pipelines/rewards/textReward.js'
import { generate } from '../../pipelines/run/generate.js'
import type { Prompt } from '../../src/core/prompt.js'
import type { RewardSource } from '../../src/core/rewardSource.js'
import type { Models } from '../../src/core/run.js'
import type { Decoder } from '../../src/core/step.js'
import { charCodec, fakeLm, fakeModels, fakeRm, promptsOf, rowsOf, settled } from '../fakes.js'

const decoders: Record<string, Decoder> = {
  args: args({ k: 5 }),
  argsStochastic: argsStochastic({ k: 5 }),
  greedy: greedy(),
  nucleus: nucleus(),
}
const own = () => textReward('own', (text) => Math.sin(text.length * 12.9898 + text.charCodeAt(text.length - 1)))
const rewards: Record<string, () => RewardSource[]> = {
  tokens: () => [fakeRm()],
  text: () => [fakeRm({ codec: charCodec('other') })],
  own: () => [own()],
  'an ensemble': () => [ensembleReward('both', { of: ['fake', 'own'], by: 'mean', c: 0.5, running: true }), fakeRm(), own()],
}
const texts = ['a', 'Hello there', 'What is it?', 'x y z', 'Tell me', 'again', '0123456789', 'end']
const prompts: Prompt[] = texts.map((text, i) => ({ id: `p${i}`, content: { text } }))

/** The time of a batch does not depend on its size, so callers overtake one another. */
const jittery = (seed: number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return state % 3 === 0 ? later(1) : Promise.resolve()
  }
}

describe('the batch never changes the answer', () => {
  for (const [name, decoder] of Object.entries(decoders)) {
    for (const [kind, reward] of Object.entries(rewards)) {
      it(`${name} with a reward over ${kind}: bit-equal rows at any concurrency, batch limit and order of arrival`, async () => {
        const options = { maxNewTokens: 10, samples: 2, seed: 3 }
        const lm = (more = {}) => fakeLm({ endLogit: 0.5, ...more })
        const alone = generate(promptsOf(prompts), decoder, fakeModels(lm({ maxBatch: 1 }), reward()), {
          ...options,
          concurrency: 1,
        })
        const expected = settled(await rowsOf(alone))
        expect(new Set(expected.map(({ finishReason }) => finishReason))).toEqual(new Set(['stop', 'length']))
        await fc.assert(
          fc.asyncProperty(
            fc.integer({ min: 1, max: 20 }),
            fc.integer({ min: 1, max: 20 }),
            fc.integer({ min: 1, max: 20 }),
            fc.shuffledSubarray(prompts, { minLength: prompts.length }),
            fc.nat(),
            async (concurrency, lmBatch, rewardBatch, order, seed) => {
              const limited = reward().map((source) =>
                'codec' in source
                  ? { ...source, maxBatch: rewardBatch, run: fakeRm({ maxBatch: rewardBatch, delay: jittery(seed) }).run }
                  : source,
              )
              const models = fakeModels(lm({ maxBatch: lmBatch, delay: jittery(seed + 1) }), limited)
              const rows = await rowsOf(generate(promptsOf(order), decoder, models, { ...options, concurrency }))
              expect(settled(rows)).toEqual(expected)
            },
          ),
          { numRuns: 12 },
        )
      })
    }
  }
})

describe('batches are full in a steady state of equal lengths', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  /** A batch takes some time and a little more a call, as on a processor. */
  const taking = (ms: number) => (size: number) => new Promise((resolve) => setTimeout(resolve, 10 * ms + size))
  const mean = (sizes: readonly number[]): number => sizes.reduce((sum, size) => sum + size, 0) / sizes.length
  /** Without the first and the last batches. */
  const steady = (sizes: readonly number[]): number =>
    mean(sizes.slice(Math.ceil(sizes.length / 10), -Math.ceil(sizes.length / 10)))

  const decodeAll = async (decoder: Decoder, models: Models, concurrency: number): Promise<void> => {
    const prompts = promptsOf(Array.from({ length: 6 * concurrency }, (_, i) => `prompt ${i}`))
    let running = true
    const rows = rowsOf(generate(prompts, decoder, models, { concurrency, maxNewTokens: 20 })).finally(() => {
      running = false
    })
    while (running) await vi.advanceTimersByTimeAsync(1000)
    expect((await rows).every(({ error }) => error === null)).toBe(true)
  }

  it.each([
    [16, 16],
    [16, 4],
    [6, 5],
    [5, 16],
    [1, 8],
  ])('%i running, batches of at most %i: LM alone', async (concurrency, maxBatch) => {
    const lm = fakeLm({ maxBatch, delay: taking(1) })
    await decodeAll(greedy(), fakeModels(lm, []), concurrency)
    expect(steady(lm.batches)).toBeGreaterThanOrEqual(0.8 * Math.min(concurrency, maxBatch))
  })

  it.each([
    [16, 16, 1, 1],
    [16, 16, 1, 3],
    [16, 16, 3, 1],
    [16, 4, 1, 1],
    [7, 16, 2, 3],
    [32, 64, 5, 6],
    [2, 8, 1, 2],
  ])(
    '%i running, batches of at most %i: LM and RM in turn, times %i and %i, have half',
    async (concurrency, maxBatch, lmTime, rmTime) => {
      const lm = fakeLm({ maxBatch, delay: taking(lmTime) })
      const rm = fakeRm({ maxBatch, delay: taking(rmTime) })
      await decodeAll(args({ k: 3 }), fakeModels(lm, [rm]), concurrency)
      const half = Math.min(concurrency / 2, maxBatch)
      expect(steady(lm.batches)).toBeGreaterThanOrEqual(0.8 * half)
      expect(steady(rm.batches)).toBeGreaterThanOrEqual(0.8 * half)
    },
  )
})

describe('each prompt has exactly one row per sample', () => {
  it('under random failures of models, rewards and prompts, and frees every cache', async () => {
    const chance = fc.integer({ min: 0, max: 6 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(chance, { minLength: 1, maxLength: 24 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 2 }),
        async (kinds, concurrency, samples) => {
          const source = kinds.map((kind, i): Prompt => {
            const id = i % 7 === 6 ? 'p0' : `p${i}`
            const place = `in.jsonl:${i + 1}`
            if (kind === 1) return { id, place, error: 'bad line' }
            return {
              id,
              place,
              content: { text: kind === 2 ? '' : kind === 3 ? 'R' : kind === 4 ? 'L' : kind === 5 ? 'too long for it' : 'fine' },
            }
          })
          const lm = fakeLm({ maxBatch: 1, fails: (ids) => ids[0] === 76 && ids.length === 4 })
          const reward = textReward('mine', (text) => {
            if (text.startsWith('R') && text.length > 3) throw new Error('reward failed')
            return text.length
          })
          const rm = fakeRm()
          const rows = settled(
            await rowsOf(
              generate(promptsOf(source), args({ k: 3 }), fakeModels(lm, [reward, rm]), {
                concurrency,
                samples,
                maxNewTokens: 4,
                maxPromptTokens: 10,
              }),
            ),
          )
          const expected = source.flatMap(({ id, place }, i) =>
            Array.from({ length: samples }, (_, sample) => `${i % 7 === 6 && id === 'p0' && i > 0 ? place : id}/${sample}`),
          )
          expect(rows.map(({ id, sample }) => `${id}/${sample}`).sort()).toEqual(expected.sort())
          const fine = rows.filter(({ prompt, error }) => prompt === 'fine' && !error?.includes('each id once'))
          expect(fine.every(({ error }) => error === null)).toBe(true)
          expect([lm.held.size, rm.held.size]).toEqual([0, 0])
        },
      ),
      { numRuns: 60 },
    )
  })
})
