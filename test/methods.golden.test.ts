import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { genarm } from '../pipelines/decoders/genarm.js'
import { decoderByName } from '../pipelines/registry/registry.js'
import { searches } from '../pipelines/registry/searchRegistry.js'
import { decoderFromSpec } from '../pipelines/registry/specs/decoderFromSpec.js'
import { generate } from '../pipelines/run/generate.js'
import type { Models, Row } from '../src/core/run.js'
import { loadModels } from '../src/models/loadModels.js'
import { promptsOf, rowsOf, settled } from './fakes.js'

/** What test/reference/methods.py and searches.py write; the head of the first describes the fields. */
type Case = Readonly<{
  decoder: string
  options: Readonly<Record<string, unknown>>
  id: string
  prompt: string
  seed: number
  tokenIds: readonly number[]
  scores: readonly number[]
}>
const folder = new URL('../data/golden/', import.meta.url)
const cases = ['methods', 'searches'].flatMap(
  (name) => JSON.parse(readFileSync(new URL(`methods/${name}.json`, folder), 'utf8')) as readonly Case[],
)
const path = (name: string): string => fileURLToPath(new URL(name, folder))

let models: Models
let armed: Models
beforeAll(async () => {
  const lms = { expert: path('biased/lm'), antiexpert: path('linear/lm'), amateur: path('llama3/lm') }
  models = await loadModels({ lm: path('grouped/lm'), lms, reward: path('grouped/reward'), threads: 1 })
  const arms = [
    { name: 'arm', path: path('linear/lm') },
    { name: 'other', path: path('llama3/lm') },
  ]
  armed = await loadModels({ lm: path('grouped/lm'), lms: { further: path('linear/lm') }, reward: arms, threads: 1 })
})
afterAll(async () => {
  await models?.close()
  await armed?.close()
})

describe('the methods of the literature', () => {
  it.each(cases.map((one) => [one.decoder, JSON.stringify(one.options), one] as const))(
    '%s %s decodes what plain Python decodes',
    async (decoder, _, { options, id, prompt, seed, tokenIds, scores }) => {
      const run = generate(
        promptsOf([{ id, content: { text: prompt } }]),
        searches[decoder]?.make(options) ?? decoderByName(decoder, options),
        decoder === 'genarm' ? armed : models,
        { maxNewTokens: 8, seed },
      )
      const [row] = await rowsOf(run)
      expect([row!.error, row!.tokenIds]).toEqual([null, tokenIds])
      scores.forEach((score, step) => {
        expect(Math.abs(row!.scores![step]! - score)).toBeLessThan(1e-3 * Math.max(1, Math.abs(score)))
      })
    },
  )

  it.each(Object.keys(searches))('%s gives the same bits at any concurrency', async (name) => {
    const texts = [...new Set(cases.map(({ prompt }) => prompt))]
    const prompts = () => promptsOf(texts.flatMap((text) => [text, text.repeat(2), text.repeat(4)]))
    const rows = (concurrency: number) =>
      rowsOf(generate(prompts(), searches[name]!.make({}), models, { maxNewTokens: 6, concurrency }))
    expect(settled(await rows(5))).toEqual(settled(await rows(1)))
  })

  it('GenARM gives the same with its reward model as a further language model', async () => {
    const prompts = () => promptsOf(cases.map(({ prompt }) => prompt))
    const combined = decoderFromSpec({
      steps: [{ topP: { p: 1 } }, { combineLogits: { lm: 'further', factor: 0.7 } }, { sampleTemperature: {} }],
    })
    const asReward = await rowsOf(generate(prompts(), genarm({ weight: { arm: 0.7, other: 0 } }), armed, { maxNewTokens: 8 }))
    const asLm = await rowsOf(generate(prompts(), combined, armed, { maxNewTokens: 8 }))
    const tokens = (rows: readonly Row[]) => settled(rows).map(({ id, tokenIds, error }) => ({ id, tokenIds, error }))
    expect(tokens(asReward)).toEqual(tokens(asLm))
  })
})
