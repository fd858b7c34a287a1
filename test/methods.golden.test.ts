import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generate } from '../pipelines/generate.js'
import { decoderByName } from '../pipelines/registry.js'
import type { Models } from '../src/core/types.js'
import { loadModels } from '../src/models/loadModels.js'
import { promptsOf, rowsOf } from './fakes.js'

/** What test/reference/methods.py writes; its head describes the fields. */
type Case = Readonly<{
  decoder: string
  options: Readonly<Record<string, number>>
  id: string
  prompt: string
  seed: number
  tokenIds: readonly number[]
  scores: readonly number[]
}>
const folder = new URL('../data/golden/', import.meta.url)
const cases = JSON.parse(readFileSync(new URL('methods/methods.json', folder), 'utf8')) as readonly Case[]
const path = (name: string): string => fileURLToPath(new URL(name, folder))

let models: Models
beforeAll(async () => {
  const lms = { expert: path('biased/lm'), antiexpert: path('linear/lm'), amateur: path('llama3/lm') }
  models = await loadModels({ lm: path('grouped/lm'), lms, reward: path('grouped/reward'), threads: 1 })
})
afterAll(() => models?.close())

describe('the methods of the literature', () => {
  it.each(cases.map((one) => [one.decoder, JSON.stringify(one.options), one] as const))(
    '%s %s decodes what plain Python decodes',
    async (decoder, _, { options, id, prompt, seed, tokenIds, scores }) => {
      const run = generate(promptsOf([{ id, content: { text: prompt } }]), decoderByName(decoder, options), models, {
        maxNewTokens: 8,
        seed,
      })
      const [row] = await rowsOf(run)
      expect([row!.error, row!.tokenIds]).toEqual([null, tokenIds])
      scores.forEach((score, step) => {
        expect(Math.abs(row!.scores![step]! - score)).toBeLessThan(1e-3 * Math.max(1, Math.abs(score)))
      })
    },
  )
})
