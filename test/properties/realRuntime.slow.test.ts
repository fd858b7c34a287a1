import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { argsStochastic } from '../../pipelines/decoders/argsStochastic.js'
import { generate } from '../../pipelines/run/generate.js'
import type { Prompt } from '../../src/core/prompt.js'
import type { Models, Row } from '../../src/core/run.js'
import type { WeightDtype } from '../../src/models/graph/quantize.js'
import { loadModels } from '../../src/models/loadModels.js'
import { tries } from '../fastCheck.js'

const path = (name: string) => fileURLToPath(new URL(`../../data/${name}`, import.meta.url))

const golden = (pair: string) =>
  ({ dtype: 'fp32', lm: path(`golden/${pair}/lm`), reward: path(`golden/${pair}/reward`) }) as const

/** `most`: the number of prompts that fit its context, by default all. */
type Pair = Readonly<{ name: string; dtype: WeightDtype; lm: string; reward: string; numRuns: number; most?: number }>

/** Rounded weights need matrices whose sides are multiples of 32, which the golden pairs do not have. */
const pairs: readonly Pair[] = [
  { name: 'Llama', ...golden('biased'), numRuns: 12 },
  { name: 'Mistral, a sliding window', ...golden('mistral'), numRuns: 4 },
  { name: 'Phi-3, positions by length', ...golden('phi3'), numRuns: 3 },
  { name: 'Gemma 2, soft caps', ...golden('gemma2'), numRuns: 3 },
  { name: 'Gemma 3, two kinds of layers', ...golden('gemma3'), numRuns: 3 },
  { name: 'OPT-350m', ...golden('opt-350m'), numRuns: 2, most: 5 },
  { name: 'GPT-2', ...golden('gpt2'), numRuns: 2, most: 5 },
  { name: 'GPT-NeoX', ...golden('gpt_neox'), numRuns: 2, most: 5 },
  { name: 'Llama', dtype: 'q8', lm: path('models/chat-lm'), reward: path('models/judge-rm'), numRuns: 3 },
  { name: 'Llama', dtype: 'q4', lm: path('models/chat-lm'), reward: path('models/judge-rm'), numRuns: 3 },
]

/** Lengths in several length classes, several chunks, and passes of different widths. */
const prompts: readonly Prompt[] = [1, 5, 12, 30, 60, 90, 130].map((words, i) => ({
  id: `prompt ${i}`,
  content: { text: `\n\nHuman: ${'so '.repeat(words)}why?\n\nAssistant:` },
}))

const answer = ({ tokenIds, rewards, logits, reward }: Row) => ({ tokenIds, rewards, logits, reward })

describe.each(pairs)('the real runtime: $name, weights in $dtype', ({ dtype, lm, reward, numRuns, most }) => {
  const fitting = prompts.slice(0, most)
  let models: Models
  beforeAll(async () => {
    models = await loadModels({ lm, reward, dtype, threads: 2 })
  })
  afterAll(() => models?.close())

  async function answers(order: readonly Prompt[], concurrency: number, maxBatch: number) {
    async function* source() {
      yield* order
    }
    const limited = { ...models.lm, endTokenIds: [], maxBatch }
    const rewards = models.rewards.map((reward) => ({ ...reward, maxBatch }))
    const rows = new Map<string, unknown>()
    const run = generate(
      source(),
      argsStochastic({ temperature: 2 }),
      { ...models, lm: limited, rewards },
      { concurrency, maxNewTokens: 12 },
    )
    for await (const row of run) rows.set(row.id, row.error ?? answer(row))
    return rows
  }

  it('gives the same tokens and bit-equal rewards and logits at any concurrency, batch limit and order', async () => {
    const alone = await answers(fitting, 1, 1)
    expect([...alone.values()].every((row) => typeof row === 'object')).toBe(true)
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(fitting, { minLength: 2 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 8 }),
        async (order, concurrency, maxBatch) => {
          for (const [id, row] of await answers(order, concurrency, maxBatch)) expect(row, id).toEqual(alone.get(id))
        },
      ),
      { numRuns: tries(numRuns) },
    )
  })
})
