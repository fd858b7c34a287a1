import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { greedy } from '../../../pipelines/decoders/greedy.js'
import { generate } from '../../../pipelines/run/generate.js'
import { beam } from '../../../pipelines/searches/beam.js'
import type { BatchedLanguageModel } from '../../../src/core/batched.js'
import { OptionError } from '../../../src/core/errors.js'
import type { Prompt } from '../../../src/core/prompt.js'
import type { Models, Row } from '../../../src/core/run.js'
import { loadModels } from '../../../src/models/loadModels.js'
import { cancelAfter, END, fakeLm, fakeModels, logitsOf, promptsOf, rowsOf, settled } from '../../fakes.js'

type Case = Readonly<{
  beams: number
  lengthPenalty: number
  prompt: string
  promptTokenIds: number[]
  tokenIds: number[]
  score: number
}>
const golden = JSON.parse(readFileSync(new URL('beam.json', import.meta.url), 'utf8')) as { maxNewTokens: number; cases: Case[] }
const prompts = ['one', 'two', 'three']

describe('beam, beside transformers', () => {
  let models: Models
  beforeAll(async () => {
    const folder = (name: string) => fileURLToPath(new URL(`../../../data/golden/grouped/${name}`, import.meta.url))
    models = await loadModels({ lm: folder('lm'), reward: folder('reward'), threads: 1 })
  })
  afterAll(() => models?.close())

  const settings = [...new Set(golden.cases.map(({ beams, lengthPenalty }) => `${beams}/${lengthPenalty}`))]
  it.each(settings)('%s (beams/length penalty) gives the same tokens and score', async (setting) => {
    const [beams, lengthPenalty] = setting.split('/').map(Number) as [number, number]
    const cases = golden.cases.filter((each) => each.beams === beams && each.lengthPenalty === lengthPenalty)
    const source: Prompt[] = cases.map(({ prompt }) => ({ id: prompt, content: { text: prompt } }))
    const search = beam({ beams, lengthPenalty })
    const rows = await rowsOf(generate(promptsOf(source), search, models, { maxNewTokens: golden.maxNewTokens, concurrency: 3 }))
    const byId = new Map(rows.map((row) => [row.id, row]))
    for (const { prompt, promptTokenIds, tokenIds, score } of cases) {
      const row = byId.get(prompt)!
      expect(row.promptTokenIds).toEqual(promptTokenIds)
      expect(row.tokenIds).toEqual(tokenIds)
      expect(row.scores!.at(-1)! / tokenIds.length ** lengthPenalty).toBeCloseTo(score, 4)
    }
  })
})

/** Logits of `a` to `c` and the end token by the last three tokens; all other tokens are banned. */
const small = (ids: readonly number[]): Float32Array =>
  logitsOf(ids, 0).map((logit, id) => ([97, 98, 99, END].includes(id) ? logit : -60))
const smallLm = (): BatchedLanguageModel => ({
  ...fakeLm(),
  run: async (calls) => calls.map(({ sequence }) => ({ values: small([...sequence.promptTokenIds, ...sequence.tokenIds]) })),
})

/** The best of all sequences of at most `most` tokens. */
function bestOfAll(prompt: readonly number[], most: number, penalty: number): number[] {
  let best: { score: number; ids: number[] } = { score: Number.NEGATIVE_INFINITY, ids: [] }
  const visit = (ids: number[], sum: number): void => {
    if (ids.at(-1) === END || ids.length === most) {
      const score = sum / ids.length ** penalty
      if (score > best.score) best = { score, ids }
      return
    }
    const logits = small([...prompt, ...ids])
    const total = Math.log(logits.reduce((all, logit) => all + Math.exp(logit), 0))
    for (const id of [97, 98, 99, END]) visit([...ids, id], sum + logits[id]! - total)
  }
  visit([], 0)
  return best.ids
}

describe('beam', () => {
  it.each([0, 1])('finds the best of all sequences with enough beams, at a length penalty of %d', async (lengthPenalty) => {
    const search = beam({ beams: 256, lengthPenalty })
    const rows = await rowsOf(generate(promptsOf(prompts), search, fakeModels(smallLm(), []), { maxNewTokens: 4 }))
    for (const { promptTokenIds, tokenIds } of rows) expect(tokenIds).toEqual(bestOfAll(promptTokenIds!, 4, lengthPenalty))
  })

  it('equals greedy search with one beam and no length penalty', async () => {
    const models = () => fakeModels(fakeLm({ endLogit: 0.5 }))
    const settings = { maxNewTokens: 20 }
    const tokens = (rows: readonly Row[]) => settled(rows).map(({ tokenIds, reward, logits }) => ({ tokenIds, reward, logits }))
    const found = await rowsOf(generate(promptsOf(prompts), beam({ beams: 1, lengthPenalty: 0 }), models(), settings))
    expect(tokens(found)).toEqual(tokens(await rowsOf(generate(promptsOf(prompts), greedy(), models(), settings))))
  })

  it('gives the same reply at any concurrency and batch size, and frees all caches', async () => {
    const lm = fakeLm({ maxBatch: 3, endLogit: 0.5 })
    const settings = { maxNewTokens: 10, stop: ['x'] }
    const alone = await rowsOf(generate(promptsOf(prompts), beam(), fakeModels(lm, []), { ...settings, concurrency: 1 }))
    const together = await rowsOf(generate(promptsOf(prompts), beam(), fakeModels(fakeLm({ endLogit: 0.5 }), []), settings))
    expect(settled(together)).toEqual(settled(alone))
    expect(lm.held.size).toBe(0)
    expect(Math.max(...lm.batches)).toBe(3)
  })

  it('looks further for continuations if most tokens end a reply', async () => {
    const lm = fakeLm()
    const stop = Array.from({ length: 90 }, (_, index) => String.fromCharCode(33 + index)).filter(
      (char) => !'aeiou'.includes(char),
    )
    const many = Array.from({ length: 12 }, (_, index) => `prompt ${index}`)
    const search = beam({ beams: 4, lengthPenalty: 2 })
    const rows = await rowsOf(generate(promptsOf(many), search, fakeModels(lm, []), { maxNewTokens: 6, stop, concurrency: 1 }))
    for (const { completion } of rows) expect(completion).toMatch(/^[aeiou{|}~ ]*$/)
    // Sequences that did not end after one token go on with four.
    expect(new Set(lm.batches)).toEqual(new Set([1, 4]))
    expect(Math.max(...rows.map(({ tokenIds }) => tokenIds!.length))).toBeGreaterThan(1)
  })

  it('frees its beams on cancellation', async () => {
    const left = await cancelAfter(20, (lm) => generate(promptsOf(prompts), beam(), fakeModels(lm, []), { maxNewTokens: 500 }))
    expect(left.released.length).toBeGreaterThan(0)
    expect(left.held.size).toBe(0)
  })

  it('refuses invalid options', () => {
    expect(() => generate(promptsOf([]), beam({ beams: 0 }), fakeModels())).toThrow(OptionError)
    expect(() => generate(promptsOf([]), beam({ lengthPenalty: Number.NaN }), fakeModels())).toThrow(OptionError)
  })
})
