import { from, lastValueFrom } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { args } from '../../../pipelines/decoders/args.js'
import { score } from '../../../pipelines/evaluation/score.js'
import { generate } from '../../../pipelines/run/generate.js'
import { schedule } from '../../../pipelines/schedule/schedule.js'
import type { BatchedPairReward, EncodedPair } from '../../../src/core/batched.js'
import { RewardError } from '../../../src/core/errors.js'
import { charCodec, fakeLm, fakeModels, ids, promptsOf, rowsOf, sequenceOf } from '../../fakes.js'

/** A cross-encoder over characters: its reward is the length of the second text, plus a tenth of the first one's. */
function fakePairs({ longest = 100 } = {}) {
  const batches: number[] = []
  const asked: string[] = []
  const model: BatchedPairReward = {
    kind: 'pairs',
    name: 'pairs',
    maxBatch: 8,
    render: charCodec().render,
    encodePair(prompt, completion) {
      asked.push(`${prompt}|${completion}`)
      if (prompt.length + completion.length > longest) throw new RewardError('Reward `pairs` has no room')
      const typeIds = [...Array(prompt.length).fill(0), ...Array(completion.length).fill(1)]
      return { tokenIds: Array.from(prompt + completion, (char) => char.charCodeAt(0)), typeIds }
    },
    run: async (calls: readonly (readonly EncodedPair[])[]) => {
      batches.push(calls.length)
      await new Promise(setImmediate)
      const rewardOf = ({ typeIds }: EncodedPair) => typeIds.reduce((sum, type) => sum + (type === 1 ? 1 : 0.1), 0)
      return calls.map((pairs) => Float32Array.from(pairs, rewardOf))
    },
  }
  return { model, batches, asked }
}

describe('a cross-encoder as a reward', () => {
  it('reads the prompt beside the completion, with each candidate and without one for the value', async () => {
    const { model, asked, batches } = fakePairs()
    const { reward } = schedule(fakeModels(fakeLm(), [model]))
    const scores = await lastValueFrom(from(reward!.score(sequenceOf('ab', 'c'), ids('xy'))))
    expect([...scores].map((value) => value.toFixed(1))).toEqual(['2.2', '2.2'])
    expect(await lastValueFrom(from(reward!.value(sequenceOf('ab', 'c'))))).toBeCloseTo(1.2)
    expect(asked).toEqual(['ab|cx', 'ab|cy', 'ab|c'])
    expect(batches).toEqual([1, 1])
  })

  it("renders messages by the language model's template, once a prompt", async () => {
    const { model, asked } = fakePairs()
    let rendered = 0
    const codec = charCodec()
    const render: typeof codec.render = (messages) => {
      rendered++
      return codec.render(messages)
    }
    const { reward } = schedule(fakeModels(fakeLm({ codec: { ...codec, render } }), [model]))
    const sequence = sequenceOf('', 'c', { prompt: { messages: [{ role: 'user', content: 'Hi' }] } })
    await lastValueFrom(from(reward!.score(sequence, ids('x'))))
    await lastValueFrom(from(reward!.value(sequence)))
    expect(asked).toEqual(['user: Hi\nassistant: |cx', 'user: Hi\nassistant: |c'])
    expect(rendered).toBe(1)
  })

  it('makes an error row of a prompt that does not fit, and of no other', async () => {
    const { model, batches } = fakePairs({ longest: 12 })
    const prompts = promptsOf(['short', 'also', 'much too long for it'])
    const rows = await rowsOf(generate(prompts, args({ k: 3 }), fakeModels(fakeLm(), [model]), { maxNewTokens: 3 }))
    const byId = new Map(rows.map((row) => [row.id, row]))
    expect(byId.get('p3')).toMatchObject({ finishReason: 'error', error: 'Reward `pairs` has no room' })
    expect([byId.get('p1')!.error, byId.get('p2')!.error]).toEqual([null, null])
    expect(Math.max(...batches)).toBe(2)
  })

  it('scores existing texts, with messages rendered by its own template', async () => {
    const { model, asked } = fakePairs({ longest: 30 })
    async function* texts() {
      yield { id: 'a', content: { text: 'ab' }, completion: 'cd' }
      yield { id: 'b', content: { messages: [{ role: 'user', content: 'Hi' }] }, completion: 'c' }
      yield { id: 'c', content: { text: 'a'.repeat(40) }, completion: 'c' }
    }
    const rows = await rowsOf(score(texts(), { reward: model, hashes: {} }))
    const byId = new Map(rows.map((row) => [row.id, row]))
    expect(byId.get('a')!.reward).toBeCloseTo(2.2)
    expect(byId.get('c')).toMatchObject({ finishReason: 'error', error: 'Reward `pairs` has no room' })
    expect(asked.slice(0, 2)).toEqual(['ab|cd', 'user: Hi\nassistant: |c'])
  })
})
