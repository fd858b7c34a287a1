import { map } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { selectGreedy } from '../../../operators/selectGreedy.js'
import { topK } from '../../../operators/topK.js'
import { args } from '../../../pipelines/decoders/args.js'
import { greedy } from '../../../pipelines/decoders/greedy.js'
import { topKSampling } from '../../../pipelines/decoders/topKSampling.js'
import { steps } from '../../../pipelines/decoding/steps.js'
import { textReward } from '../../../pipelines/rewards/textReward.js'
import { type GenerateOptions, generate } from '../../../pipelines/run/generate.js'
import type { Prompt } from '../../../src/core/prompt.js'
import type { Models, Row } from '../../../src/core/run.js'
import type { Decoder, Selected } from '../../../src/core/step.js'
import { charCodec, END, fakeLm, fakeModels, fakeRm, promptsOf, rowsOf, settled } from '../../fakes.js'

const run = async (
  prompts: Iterable<string | Prompt>,
  { decoder = args({ k: 5 }), models = fakeModels(), ...options }: GenerateOptions & { decoder?: Decoder; models?: Models } = {},
): Promise<Row[]> => settled(await rowsOf(generate(promptsOf(prompts), decoder, models, { maxNewTokens: 8, ...options })))

/** A language model that writes a given text for any prompt, character by character. */
const writing = (text: string, more: Parameters<typeof fakeLm>[0] = {}) => {
  const lm = fakeLm(more)
  const ids = [...charCodec().encode(text, false), END]
  return {
    ...lm,
    run: async (calls: Parameters<typeof lm.run>[0]) =>
      calls.map(({ sequence }) => ({
        values: new Float32Array(128).fill(-1).fill(5, ids[sequence.tokenIds.length]!, ids[sequence.tokenIds.length]! + 1),
      })),
  }
}

describe('a row', () => {
  it('holds the decoded reply', async () => {
    const [row] = await run(['Hello'], { maxNewTokens: 3, seed: 7 })
    expect(row).toMatchObject({
      id: 'p1',
      sample: 0,
      prompt: 'Hello',
      finishReason: 'length',
      error: null,
      seed: 7,
      promptTokens: 5,
      completionTokens: 3,
    })
    expect(row!.promptTokenIds).toEqual(charCodec().encode('Hello', true))
    expect(charCodec().decode(row!.tokenIds!, true)).toBe(row!.completion)
    for (const i of [0, 1, 2]) expect(row!.scores![i]).toBeCloseTo(row!.logits![i]! + 1.5 * row!.rewards![i]!, 5)
    expect(row!.reward).toBeTypeOf('number')
    expect(row).not.toHaveProperty('trace')
  })
  it('has the reward of the whole text for every decoder', async () => {
    const seen: string[] = []
    const models = fakeModels(writing('ok\n\nHuman: no'), [textReward('length', (text) => seen.push(text) && text.length)])
    const [row] = await run(['Hi'], { decoder: greedy(), models, stop: ['\n\nHuman'], maxNewTokens: 20 })
    expect(row).toMatchObject({ completion: 'ok', finishReason: 'stop', reward: 4, rewards: null })
    expect(charCodec().decode(row!.tokenIds!, true)).toBe('ok\n\nHuman')
    expect(seen).toEqual(['Hiok'])
  })
  it('ends before the end token, which the reward reads', async () => {
    const rm = fakeRm()
    const lengths: number[] = []
    const counting = {
      ...rm,
      run: async (calls: Parameters<typeof rm.run>[0]) => {
        lengths.push(...calls.map(({ tokenIds }) => tokenIds.length))
        return rm.run(calls)
      },
    }
    const [row] = await run(['Hi'], { decoder: greedy(), models: fakeModels(writing('ok'), [counting]) })
    expect(row).toMatchObject({ completion: 'ok', finishReason: 'stop', completionTokens: 3 })
    expect(lengths).toEqual([2 + 3])
  })
  it('has no reward without one', async () => {
    const [row] = await run(['Hi'], { decoder: topKSampling({ k: 5 }), models: fakeModels(fakeLm(), []) })
    expect(row).toMatchObject({ reward: null, rewards: null, error: null })
    expect(row!.logits).toHaveLength(8)
  })
  it('has the candidates of each step on request', async () => {
    const [row] = await run(['Hi'], { trace: true })
    expect(row!.trace).toHaveLength(8)
    const { tokenIds, logits, rewards, scores } = row!.trace![0]!
    expect([tokenIds.length, logits.length, rewards!.length, scores.length]).toEqual([5, 5, 5, 5])
    expect(tokenIds).toContain(row!.tokenIds![0])
  })
  it("has the input's columns, and times from the injected clock", async () => {
    let time = 1000
    const prompts = promptsOf([
      { id: 'a', content: { text: 'Hi' }, input: { source: 'hh' } },
      { id: 'b', error: 'bad', input: { source: 'x' } },
    ])
    const rows = await rowsOf(generate(prompts, greedy(), fakeModels(), { now: () => time++, concurrency: 1, maxNewTokens: 2 }))
    expect(rows.map(({ input, startedAt, durationMs }) => [input, startedAt, durationMs])).toEqual([
      [{ source: 'hh' }, 1000, 1],
      [{ source: 'x' }, 1002, 1],
    ])
  })
  it('stops at the stop strings of the row, the run and the model', async () => {
    const models = fakeModels(writing('abcdefgh', { stopStrings: ['f'] }), [])
    const prompts: Prompt[] = [
      { id: 'own', content: { text: 'x' }, stop: ['b'] },
      { id: 'run', content: { text: 'x' } },
    ]
    expect((await run(prompts, { decoder: greedy(), models, stop: ['d'] })).map(({ completion }) => completion)).toEqual([
      'a',
      'abc',
    ])
    expect((await run(prompts.slice(1), { decoder: greedy(), models })).map(({ completion }) => completion)).toEqual(['abcde'])
  })
  it("ends at the end of the models' context", async () => {
    const models = fakeModels(fakeLm({ contextLength: 9 }), [fakeRm({ contextLength: 7 })])
    expect(await run(['Hello'], { models, maxPromptTokens: 6, maxNewTokens: 6 })).toMatchObject([
      { finishReason: 'length', completionTokens: 2 },
    ])
  })
  it.each([
    ['scores', { scores: ['high', 'low', 'low'] }, '`scores` of a step to be numbers, got `high` (string)'],
    ['tokenLogits', { tokenLogits: [null, null, null] }, '`tokenLogits` of a step to be numbers, got `null` (object)'],
    ['rewards', { rewards: { mine: [null, null, null] } }, '`rewards.mine` of a step to be numbers, got `null` (object)'],
  ])('is an error row if an operator of a program gives %s that are no numbers', async (_, fields, message) => {
    const wrong = map((step: Selected) => (step.sequence.promptId === 'b' ? { ...step, ...(fields as object) } : step))
    const decoder = () => steps(topK({ k: 3 }), selectGreedy(), wrong)
    const prompts = ['a', 'b', 'c'].map((id) => ({ id, content: { text: id } }))
    const rows = await run(prompts, { decoder, models: fakeModels(fakeLm(), []) })
    expect(rows.map(({ id, error }) => [id, error])).toEqual([
      ['a', null],
      ['b', `Expected ${message}`],
      ['c', null],
    ])
  })
  it("renders messages with the model's template", async () => {
    const [row] = await run([{ id: 'a', content: { messages: [{ role: 'user', content: 'Hi' }] } }])
    expect(row).toMatchObject({ prompt: 'user: Hi\nassistant: ', promptTokens: 20, error: null })
  })
})
