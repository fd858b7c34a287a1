import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contrastive } from '../pipelines/decoders/contrastive.js'
import { generate } from '../pipelines/run/generate.js'
import type { Models } from '../src/core/run.js'
import { loadModels } from '../src/models/loadModels.js'
import { promptsOf, rowsOf, settled } from './fakes.js'

/** What test/reference/contrastive_search.py writes; its head describes the fields. */
type Case = Readonly<{
  lm: string
  prompt: string
  k: number
  alpha: number
  promptTokenIds: readonly number[]
  tokenIds: readonly number[]
  scores: readonly number[]
}>
const folder = new URL('../data/golden/', import.meta.url)
const cases = JSON.parse(readFileSync(new URL('methods/contrastive.json', folder), 'utf8')) as readonly Case[]
const lms = [...new Set(cases.map(({ lm }) => lm))]
const settings = (lm: string) => [...new Set(cases.filter((one) => one.lm === lm).map(({ k, alpha }) => `${k} ${alpha}`))]

describe.each(lms)('contrastive search with %s', (lm) => {
  let models: Models
  beforeAll(async () => {
    models = await loadModels({ lm: fileURLToPath(new URL(lm, folder)), threads: 1 })
  })
  afterAll(() => models?.close())

  const decoded = async (prompts: readonly string[], k: number, alpha: number, concurrency: number, maxNewTokens = 24) =>
    rowsOf(
      generate(
        promptsOf(prompts.map((text, n) => ({ id: String(n), content: { text } }))),
        contrastive({ k, alpha }),
        { ...models, lm: { ...models.lm, stopStrings: [] } },
        { maxNewTokens, concurrency, trace: true, maxPromptTokens: 4096 },
      ),
    )

  it.each(settings(lm))('decodes the tokens of transformers: k and alpha %s', async (setting) => {
    const expected = cases.filter((one) => one.lm === lm && `${one.k} ${one.alpha}` === setting)
    const { k, alpha } = expected[0]!
    const prompts = expected.map(({ prompt }) => prompt)
    for (const row of await decoded(prompts, k, alpha, 4)) {
      const one = expected[Number(row.id)]!
      expect([row.error, row.promptTokenIds, row.tokenIds]).toEqual([null, one.promptTokenIds, one.tokenIds])
      one.scores.forEach((score, step) => {
        expect(Math.abs(row.scores![step]! - score)).toBeLessThan(1e-4)
      })
    }
  })

  it('gives the same bits at any concurrency, also for prompts of several chunks', async () => {
    const long = (n: number) => `${cases[n % cases.length]!.prompt} ${'and then '.repeat(9 * n)}`
    const prompts = Array.from({ length: 7 }, (_, n) => long(n))
    const alone = settled(await decoded(prompts, 5, 0.6, 1, 8))
    expect(alone.map(({ error }) => error)).toEqual(prompts.map(() => null))
    for (const concurrency of [2, 7]) expect(settled(await decoded(prompts, 5, 0.6, concurrency, 8))).toEqual(alone)
  })
})
