import { describe, expect, it } from 'vitest'
import { args } from '../../../pipelines/decoders/args.js'
import { argsPruned } from '../../../pipelines/decoders/argsPruned.js'
import { greedy } from '../../../pipelines/decoders/greedy.js'
import { textReward } from '../../../pipelines/rewards/textReward.js'
import { type GenerateOptions, generate } from '../../../pipelines/run/generate.js'
import type { Models, Row } from '../../../src/core/run.js'
import type { Decoder } from '../../../src/core/step.js'
import { charCodec, fakeLm, fakeModels, fakeRm, logitsOf, promptsOf, rowsOf, settled } from '../../fakes.js'

const vowels = textReward('vowels', (text) => text.match(/[aeiou]/g)?.length ?? 0)
const two = () => fakeModels(fakeLm(), [fakeRm({ name: 'safe' }), vowels])
const run = async (decoder: Decoder, options: GenerateOptions = {}, models: Models = two()): Promise<Row[]> =>
  settled(await rowsOf(generate(promptsOf(['Hello', 'World']), decoder, models, { maxNewTokens: 8, ...options })))

/** The k likeliest tokens after a text, likeliest first. */
const likeliest = (ids: readonly number[], k: number) =>
  Array.from(logitsOf(ids, -9), (logit, id) => ({ id, logit }))
    .sort((a, b) => b.logit - a.logit || a.id - b.id)
    .slice(0, k)

describe('several rewards', () => {
  it('add to the logit by their weights, token for token', async () => {
    const rows = await run(args({ k: 5, weight: { safe: 0.5, vowels: 2 } }))
    const codec = charCodec()
    const rm = fakeRm()
    for (const row of rows) {
      const ids = codec.encode(row.prompt!, true)
      for (const tokenId of row.tokenIds!) {
        const candidates = likeliest(ids, 5)
        const [safe] = await rm.run([{ key: {}, tokenIds: ids, branches: candidates.map(({ id }) => [id]) }])
        const scores = candidates.map(({ id, logit }, i) => {
          const text = codec.decode([...ids, id], true)
          return Math.fround(Math.fround(logit + 0.5 * safe![i]!) + 2 * (text.match(/[aeiou]/g)?.length ?? 0))
        })
        expect(tokenId).toBe(candidates[scores.indexOf(Math.max(...scores))]!.id)
        ids.push(tokenId)
      }
    }
  })
  it('are columns of the row: `reward` for the first, the others under their names', async () => {
    const [row] = await run(args({ k: 5, weight: { vowels: 2 } }), { trace: true })
    const { rewards, reward } = row!.otherRewards!.vowels!
    expect(Object.keys(row!.otherRewards!)).toEqual(['vowels'])
    expect(reward).toBe(rewards!.at(-1))
    row!.scores!.forEach((score, i) => {
      expect(score).toBeCloseTo(row!.logits![i]! + 1.5 * row!.rewards![i]! + 2 * rewards![i]!, 5)
    })
    const { tokenIds, rewards: first, otherRewards } = row!.trace![0]!
    expect([first!.length, otherRewards!.vowels!.length]).toEqual([5, 5])
    expect(otherRewards!.vowels![tokenIds.indexOf(row!.tokenIds![0]!)]).toBe(rewards![0])
  })
  it('are measured even if they do not steer', async () => {
    const [row] = await run(greedy())
    expect(row!.otherRewards).toEqual({ vowels: { reward: expect.any(Number), rewards: null } })
    expect(row!.rewards).toBeNull()
  })
  it('choose the same if the first is scored in order', async () => {
    const tokens = async (decoder: Decoder) => (await run(decoder)).map(({ tokenIds }) => tokenIds)
    const weight = { safe: 1, vowels: 0.5 }
    expect(await tokens(argsPruned({ k: 8, weight, reach: 100 }))).toEqual(await tokens(args({ k: 8, weight })))
  })
  it('fail alone and keep the reply and the other values', async () => {
    const broken = textReward('broken', (text) => (text.startsWith('H') ? Number.NaN : 1))
    const [row, other] = await run(greedy(), {}, fakeModels(fakeLm(), [broken, fakeRm({ name: 'safe' })]))
    expect(row).toMatchObject({
      finishReason: 'error',
      error: expect.stringContaining('Reward `broken` gave `NaN`'),
      reward: null,
    })
    expect(row!.completion).toHaveLength(8)
    expect(row!.otherRewards!.safe!.reward).toEqual(expect.any(Number))
    expect(other).toMatchObject({ error: null, reward: 1 })
  })
  it('have their columns in an error row', async () => {
    const throws = textReward('throws', () => {
      throw new Error('no')
    })
    const [row] = await run(args({ k: 2 }), {}, fakeModels(fakeLm(), [vowels, throws]))
    expect(row).toMatchObject({ error: 'Reward `throws` failed: no', otherRewards: { throws: { reward: null, rewards: null } } })
  })
  it("are named in the run's metadata", () => {
    const { meta } = generate(promptsOf([]), args({ weight: { vowels: 2 } }), two())
    expect(meta.spec.rewards).toEqual(['safe', 'vowels'])
    expect(meta.spec.decoder).toMatchObject({
      steps: expect.arrayContaining([{ combineScore: { weight: 2, reward: 'vowels' } }]),
    })
  })
})
