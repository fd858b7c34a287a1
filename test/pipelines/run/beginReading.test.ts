import { describe, expect, it } from 'vitest'
import { greedy } from '../../../pipelines/decoders/greedy.js'
import { score } from '../../../pipelines/evaluation/score.js'
import { textReward } from '../../../pipelines/rewards/textReward.js'
import { generate } from '../../../pipelines/run/generate.js'
import type { Prompt } from '../../../src/core/prompt.js'
import type { Row, Run } from '../../../src/core/run.js'
import { fakeModels } from '../../fakes.js'

const list: readonly Prompt[] = [
  { id: 'a', content: { text: 'x' }, input: { n: 1 } },
  { id: 'b', content: { text: 'y' } },
]
async function* prompts() {
  yield* list
}
const decoded = (source: Parameters<typeof generate>[0], options = {}) =>
  generate(source, greedy(), fakeModels(), { maxNewTokens: 2, ...options })
const scored = (source: AsyncIterable<Prompt> | Iterable<Prompt>) =>
  score(source, { reward: textReward('length', (text) => text.length), hashes: {} })

async function idsOf(run: Run): Promise<string[]> {
  const rows: Row[] = []
  for await (const row of run) rows.push(row)
  return rows.map(({ id }) => id).sort()
}

const refusal = 'got a generator or an iterator that a run has read already. Make a new one for each run'

describe.each([
  ['generate', decoded],
  ['score', scored],
] as const)('%s', (_, runOf) => {
  it('refuses a generator that it has read, instead of ending without rows', async () => {
    const run = runOf(prompts())
    expect(await idsOf(run)).toEqual(['a', 'b'])
    await expect(idsOf(run)).rejects.toThrow(refusal)
  })

  it.each([
    ['a generator', prompts],
    ['an iterator of a list', () => list.values()],
    ['an iterator of a map', () => new Map(list.map((prompt) => [prompt.id, prompt])).values()],
  ])('refuses %s that another run has read', async (_, sourceOf) => {
    const source = sourceOf()
    expect(await idsOf(runOf(source))).toEqual(['a', 'b'])
    await expect(idsOf(runOf(source))).rejects.toThrow(refusal)
  })

  it('reads a list, and what gives its prompts anew, as often as it runs', async () => {
    for (const source of [list, { [Symbol.asyncIterator]: prompts }]) {
      const run = runOf(source)
      expect(await idsOf(run)).toEqual(['a', 'b'])
      expect(await idsOf(run)).toEqual(['a', 'b'])
    }
  })
})

it('reads prompts whose columns are dropped as often as the run starts', async () => {
  const run = decoded({ [Symbol.asyncIterator]: prompts }, { keepInput: false })
  expect(await idsOf(run)).toEqual(['a', 'b'])
  expect(await idsOf(run)).toEqual(['a', 'b'])
})
