import { map } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { selectGreedy } from '../../../operators/selectGreedy.js'
import { topK } from '../../../operators/topK.js'
import { args } from '../../../pipelines/decoders/args.js'
import { argsStochastic } from '../../../pipelines/decoders/argsStochastic.js'
import { greedy } from '../../../pipelines/decoders/greedy.js'
import { nucleus } from '../../../pipelines/decoders/nucleus.js'
import type { Search } from '../../../pipelines/decoding/decode.js'
import { steps } from '../../../pipelines/decoding/steps.js'
import { type GenerateOptions, generate } from '../../../pipelines/run/generate.js'
import { beam } from '../../../pipelines/searches/beam.js'
import { bestOfN } from '../../../pipelines/searches/bestOfN.js'
import { rollout } from '../../../pipelines/searches/rollout.js'
import type { Overrides } from '../../../src/core/prompt.js'
import type { Row } from '../../../src/core/run.js'
import type { Decoder, LogitsStep } from '../../../src/core/step.js'
import { fakeLm, fakeModels, promptsOf, rowsOf } from '../../fakes.js'

const prompt = (id: string, overrides?: Overrides) => ({ id, place: `in.jsonl:${id}`, content: { text: 'Hello' }, overrides })

/** Rows by id. All prompts have one text, so that only a row's own settings make a difference. */
async function decoded(decoder: Decoder, overrides: readonly (Overrides | undefined)[], options: GenerateOptions = {}) {
  const prompts = overrides.map((each, index) => prompt(String(index + 1), each))
  const run = generate(promptsOf(prompts), decoder, fakeModels(), { maxNewTokens: 6, ...options })
  const rows = await rowsOf(run)
  return rows.sort((a, b) => Number(a.id) - Number(b.id))
}
const alone = async (decoder: Decoder, options: GenerateOptions = {}): Promise<Row> =>
  (await decoded(decoder, [undefined], options))[0]!
const replies = (rows: readonly Row[]) => rows.map(({ tokenIds, scores, error }) => ({ tokenIds, scores, error }))

describe('a row', () => {
  it('sets its own weight, k and length beside rows that do not', async () => {
    const rows = await decoded(args(), [undefined, { weight: 0 }, { k: 2, weight: -1 }, { maxNewTokens: 2 }])
    const expected = [
      await alone(args()),
      await alone(args({ weight: 0 })),
      await alone(args({ k: 2, weight: -1 })),
      await alone(args(), { maxNewTokens: 2 }),
    ]
    expect(replies(rows)).toEqual(replies(expected))
    expect(new Set(rows.map(({ tokenIds }) => String(tokenIds))).size).toBe(4)
  })

  it('sets temperature and seed of a sampling decoder', async () => {
    const rows = await decoded(argsStochastic(), [{ temperature: 5 }, { seed: 7 }])
    const same = (row: Row) => ({ ...row, id: '1' })
    expect(replies([rows[0]!])).toEqual(replies([await alone(argsStochastic({ temperature: 5 }))]))
    const seeded = await decoded(argsStochastic(), [undefined, undefined], { seed: 7 })
    expect(replies([same(rows[1]!)])).toEqual(replies([seeded[1]!]))
    expect(rows.map(({ seed }) => seed)).toEqual([0, 7])
    const [cool] = await decoded(nucleus(), [{ temperature: 0.01 }])
    expect(replies([cool!])).toEqual(replies([await alone(nucleus({ temperature: 0.01 }))]))
  })

  it('names a search and sets its options', async () => {
    const rows = await decoded(args(), [{ pipeline: 'rollout', k: 3, weight: 2 }, undefined, { pipeline: 'beam' }])
    const run = (search: Search) => rowsOf(generate(promptsOf([prompt('1')]), search, fakeModels(), { maxNewTokens: 6 }))
    const asData = { pipeline: 'search: { rollout: { k: 3, weight: 9 } }', weight: 2 }
    const [read] = await decoded(args(), [asData])
    expect(replies([read!])).toEqual(replies(await run(rollout({ k: 3, weight: 2 }))))
    const expected = [...(await run(rollout({ k: 3, weight: 2 }))), await alone(args()), ...(await run(beam()))]
    expect(replies(rows)).toEqual(replies(expected))
  })

  it("sets options of the run's search and keeps the others", async () => {
    const overrides = [undefined, { k: 3 }, { weight: 5, k: 2 }]
    const run = (search: Search, each?: Overrides) =>
      rowsOf(generate(promptsOf([prompt('1', each)]), search, fakeModels(), { maxNewTokens: 6 }))
    const rows = await Promise.all(overrides.map((each) => run(rollout({ weight: 2 }), each)))
    const expected = [rollout({ weight: 2 }), rollout({ weight: 2, k: 3 }), rollout({ weight: 5, k: 2 })]
    expect(rows.map(replies)).toEqual((await Promise.all(expected.map((each) => run(each)))).map(replies))
    const [sampled] = await run(bestOfN({ n: 2 }), { temperature: 0.01 })
    expect(replies([sampled!])).toEqual(replies(await run(bestOfN({ n: 2, temperature: 0.01 }))))
    const [refused] = await run(beam(), { k: 3 })
    expect(refused!.error).toBe('in.jsonl:1: Column `k`: Search `beam` takes no option `k`; it takes beams, lengthPenalty')
  })

  it('names an option that a search does not have, and an invalid value', async () => {
    const wrong = [
      { pipeline: 'beam', k: 3 },
      { pipeline: 'rollout', weight: 2, k: 0 },
      { pipeline: 'best-of-n', weight: 1 },
    ]
    expect((await decoded(args(), wrong)).map(({ error }) => error)).toEqual([
      'in.jsonl:1: Column `k`: Search `beam` takes no option `k`; it takes beams, lengthPenalty',
      'in.jsonl:2: Column `k`: Expected `k` to be an integer >= 1, got `0` (number)',
      'in.jsonl:3: Column `weight`: Search `best-of-n` takes no option `weight`; it takes k, temperature, p, n',
    ])
  })

  it('has its own pipeline: a name, YAML, or steps', async () => {
    const yaml = 'steps:\n  - topK: { k: 1 }\n  - selectGreedy: {}\n'
    const spec = { steps: [{ topK: { k: 1 } }, { selectGreedy: {} }] }
    const rows = await decoded(args(), [{ pipeline: 'greedy' }, { pipeline: yaml }, { pipeline: spec }])
    const expected = replies([await alone(greedy())])[0]
    expect(replies(rows)).toEqual([expected, expected, expected])
    const [own] = await decoded(greedy(), [{ pipeline: 'args', k: 3, weight: 2 }])
    expect(replies([own!])).toEqual(replies([await alone(args({ k: 3, weight: 2 }))]))
  })

  it('with an invalid setting is an error row that names row and column, and hurts no other', async () => {
    const bad: [Overrides, string][] = [
      [{ k: 0 }, 'Column `k`: `topK`: Expected `k` to be an integer >= 1, got `0` (number)'],
      [{ weight: 'much' }, 'Column `weight`: `combineScore`: Expected `weight` to be a finite number, got `much` (string)'],
      [{ temperature: 1 }, 'Column `temperature`: No step takes `temperature`; the steps set k, reward, weight'],
      [{ seed: -1 }, 'Column `seed`: Expected `seed` to be an integer from 0 to 9007199254740991, got `-1` (number)'],
      [{ maxNewTokens: 1.5 }, 'Column `max_new_tokens`: Expected `maxNewTokens` to be an integer >= 1, got `1.5` (number)'],
      [{ pipeline: 'gredy' }, 'got `gredy` (did you mean `greedy`?)'],
      [
        { pipeline: 'steps:\n  - tokK: {}' },
        'Column `pipeline`: pipeline:2:5: Expected an operator, got `tokK` (did you mean `topK`?)',
      ],
      [{ pipeline: { steps: [{ topK: { k: 900 } }, { selectGreedy: {} }] } }, 'needs the logits of the top 900 tokens'],
    ]
    const rows = await decoded(args(), [undefined, ...bad.map(([overrides]) => overrides)])
    expect(rows[0]!.error).toBeNull()
    rows.slice(1).forEach((row, index) => {
      expect(row.finishReason).toBe('error')
      expect(row.error).toContain(`in.jsonl:${index + 2}: Column \``)
      expect(row.error).toContain(bad[index]![1])
    })
  })

  it('cannot change a decoder with custom operators', async () => {
    const own: Decoder = () =>
      steps(
        map((step: LogitsStep) => step),
        topK({ k: 2 }),
        selectGreedy(),
      )
    const [row, other] = await decoded(own, [{ k: 1 }, { pipeline: 'greedy' }])
    expect(row!.error).toContain('Column `k`: Cannot set `k` of a decoder with unregistered operators')
    expect(other!.error).toBeNull()
  })

  it('gives the same reply at any concurrency', async () => {
    const overrides = [undefined, { k: 2 }, { pipeline: 'nucleus', seed: 3 }, { maxNewTokens: 1 }, { weight: 9 }]
    const rows = await Promise.all([1, 3, 8].map((concurrency) => decoded(args(), overrides, { concurrency })))
    expect(replies(rows[1]!)).toEqual(replies(rows[0]!))
    expect(replies(rows[2]!)).toEqual(replies(rows[0]!))
  })

  it('frees the caches of its sequence', async () => {
    const lm = fakeLm()
    await rowsOf(generate(promptsOf([prompt('1', { pipeline: 'greedy' }), prompt('2', { k: 0 })]), args(), fakeModels(lm)))
    expect(lm.held.size).toBe(0)
  })
})
