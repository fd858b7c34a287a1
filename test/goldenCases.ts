import { expect } from 'vitest'
import { args } from '../pipelines/decoders/args.js'
import { greedy } from '../pipelines/decoders/greedy.js'
import { generate } from '../pipelines/run/generate.js'
import type { Prompt } from '../src/core/prompt.js'
import type { Models, Row } from '../src/core/run.js'
import type { Decoder } from '../src/core/step.js'

/** What test/reference/make_golden.py writes; its head describes the fields. */
export type Case = Readonly<{
  id: string
  prompt: string
  promptTokenIds: readonly number[]
  decoder: 'greedy' | 'args'
  k?: number
  weight?: number
  tokenIds: readonly number[]
  finishReason: string
  completion: string
  reward: number
  steps: readonly Readonly<{
    candidateIds: readonly number[]
    logits: readonly number[]
    rewards?: readonly number[]
    scores: readonly number[]
    index: number
    margin: number
  }>[]
}>
/** `others`: further language models that answer as `lm` does. */
export type Golden = Readonly<{
  name: string
  covers: string
  lm: string
  others?: readonly string[]
  reward: string
  label?: string
  maxNewTokens: number
  cases: readonly Case[]
}>

const decoderOf = ({ decoder, k, weight }: Case): Decoder => (decoder === 'args' ? args({ k, weight }) : greedy())
export const settingOf = ({ decoder, k, weight }: Case): string =>
  decoder === 'args' ? `args, k ${k}, weight ${weight}` : decoder

async function rowsOf(cases: readonly Case[], models: Models, maxNewTokens: number): Promise<Map<string, Row>> {
  async function* prompts(): AsyncGenerator<Prompt> {
    for (const { id, prompt } of cases) yield { id, content: { text: prompt } }
  }
  const rows = new Map<string, Row>()
  const run = generate(
    prompts(),
    decoderOf(cases[0]!),
    { ...models, lm: { ...models.lm, stopStrings: [] } },
    { maxNewTokens, trace: true },
  )
  for await (const row of run) rows.set(row.id, row)
  return rows
}

/** The tolerance of logits is relative above 1, because they may be large. That of rewards is 1e-4. */
const within = (actual: readonly number[] | Float32Array, expected: readonly number[], what: string, relative = false) => {
  expect(actual.length, what).toBe(expected.length)
  expected.forEach((value, i) => {
    expect(Math.abs(actual[i]! - value), `${what}[${i}]: ${actual[i]} beside ${value}`).toBeLessThan(
      1e-4 * (relative ? Math.max(1, Math.abs(value)) : 1),
    )
  })
}

/** Decodes the cases of a setting and compares rows and traces with the reference. */
export async function expectGolden(golden: Golden, setting: string, models: Models): Promise<void> {
  const cases = golden.cases.filter((one) => settingOf(one) === setting)
  const rows = await rowsOf(cases, models, golden.maxNewTokens)
  for (const expected of cases) {
    const row = rows.get(expected.id)!
    expect(row.error).toBeNull()
    expect(row.promptTokenIds, expected.id).toEqual(expected.promptTokenIds)
    expect(row.tokenIds, expected.id).toEqual(expected.tokenIds)
    expect(row.finishReason).toBe(expected.finishReason)
    expect(row.completion).toBe(expected.completion)
    within([row.reward!], [expected.reward], `${expected.id} reward`)
    expected.steps.forEach((step, i) => {
      const traced = row.trace![i]!
      expect(step.margin).toBeGreaterThan(1e-4)
      expect([...traced.tokenIds]).toEqual(step.candidateIds)
      within(traced.logits, step.logits, `${expected.id} step ${i} logits`, true)
      within(traced.scores, step.scores, `${expected.id} step ${i} scores`, true)
      if (step.rewards) within(traced.rewards!, step.rewards, `${expected.id} step ${i} rewards`)
    })
  }
}
