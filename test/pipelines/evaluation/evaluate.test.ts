import { describe, expect, it } from 'vitest'
import { evaluate } from '../../../pipelines/evaluation/evaluate.js'
import { coherenceMeasure, type Measure, perplexityMeasure, rewardMeasure } from '../../../pipelines/evaluation/measures.js'
import type { RewardCall } from '../../../src/core/batched.js'
import { ShapeError } from '../../../src/core/errors.js'
import type { Reply } from '../../../src/core/run.js'
import { charCodec, fakeLm, logitsOf, recording } from '../../fakes.js'

const reply = (id: string, fields: Partial<Reply> = {}): Reply => ({
  ...{ id, sample: 0, prompt: 'ab', completion: 'cd', promptTokenIds: [97, 98], tokenIds: [99, 100] },
  ...{ finishReason: 'stop', reward: 1, ...fields },
})
const runOf = (name: string, replies: readonly Reply[]) => ({
  name,
  replies: async function* () {
    yield* replies
  },
})
const failed = (id: string): Reply => reply(id, { finishReason: 'error', reward: null, tokenIds: null, completion: null })

describe('evaluate', () => {
  it('gives the means of a run without error rows, and counts those', async () => {
    const rows = [
      reply('a', { reward: 1, tokenIds: [1, 1, 1] }),
      reply('b', { reward: 2, tokenIds: [1, 2, 3, 4, 5], finishReason: 'length' }),
      failed('c'),
    ]
    const { runs, pairs } = await evaluate([runOf('one', rows)])
    expect(runs).toEqual([
      {
        ...{ name: 'one', rows: 2, errors: 1 },
        figures: { reward: 1.5, diversity: 0.75, length: 4, stopped: 0.5 },
        counts: { reward: 2, diversity: 2, length: 2, stopped: 2 },
      },
    ])
    expect(pairs).toEqual([])
  })

  it('compares each run with the first over their common replies, in any order', async () => {
    const first = [reply('a', { reward: 1 }), reply('b', { reward: 5 }), failed('c'), reply('d', { reward: 0 }), reply('only')]
    const second = [reply('d', { reward: 0 }), reply('c'), reply('b', { reward: 2 }), reply('a', { reward: 3 }), reply('more')]
    const { pairs } = await evaluate([runOf('first', first), runOf('second', second), runOf('again', second)])
    expect(pairs.map(({ name, against, rows, onlyHere, onlyThere }) => [name, against, rows, onlyHere, onlyThere])).toEqual([
      ['second', 'first', 3, 2, 1],
      ['again', 'first', 3, 2, 1],
    ])
    expect(pairs[0]!.outcomes).toEqual({ reward: { win: 1, tie: 1, lose: 1 } })
    expect(pairs[0]!.differences.reward!.value).toBeCloseTo((2 - 3 + 0) / 3, 12)
    expect(pairs[0]!.differences.diversity).toEqual({ value: 0, low: 0, high: 0 })
  })

  it('has a figure for each further reward', async () => {
    const rows = [1, 2, null].map((short, index) => reply(String(index), { otherRewards: { short } }))
    const one = { ...runOf('one', rows), rewards: ['short'] }
    const { metrics, runs, pairs } = await evaluate([one, runOf('two', [reply('0')]), { ...one, name: 'three' }])
    expect(metrics).toContain('reward_short')
    expect(runs.map(({ figures, counts }) => [figures.reward_short, counts.reward_short])).toEqual([
      [1.5, 2],
      [null, 0],
      [1.5, 2],
    ])
    expect(pairs.map(({ outcomes }) => outcomes.reward_short)).toEqual([undefined, { win: 0, tie: 2, lose: 0 }])
  })

  it('has no figure if no row has it, and no winner without rewards', async () => {
    const rows = [reply('a', { reward: null, tokenIds: null })]
    const { runs, pairs } = await evaluate([runOf('one', rows), runOf('two', rows)])
    expect(runs[0]!.figures).toEqual({ reward: null, diversity: null, length: null, stopped: null })
    expect(pairs[0]!.outcomes).toEqual({})
    expect(pairs[0]!.differences.reward).toBeNull()
  })

  it('measures by a model in batches', async () => {
    const sizes: number[] = []
    const measure: Measure = {
      ...{ name: 'reward:mine', kind: 'mean' },
      measure: async (replies) => {
        sizes.push(replies.length)
        return replies.map(({ id }) => Number(id))
      },
    }
    const rows = Array.from({ length: 150 }, (_, row) => (row === 3 ? failed('3') : reply(String(row))))
    const { runs } = await evaluate([runOf('one', rows)], { measures: [measure] })
    expect(sizes).toEqual([63, 64, 22])
    expect(runs[0]!.figures['reward:mine']).toBeCloseTo((150 * 74.5 - 3) / 149, 9)
  })

  it.each([
    ['first', 0],
    ['second', 1],
  ])('refuses a second row with the same id and sample in the %s run', async (name, index) => {
    const runs = [runOf('first', [reply('a')]), runOf('second', [reply('a')])]
    runs[index] = runOf(name, [reply('a'), reply('a')])
    await expect(evaluate(runs)).rejects.toThrow(`Expected each id and sample once in ${name}, got \`a\`, sample 0, again`)
  })

  it('stops on abort', async () => {
    const stop = new AbortController()
    stop.abort(new Error('enough'))
    await expect(evaluate([runOf('one', [reply('a')])], { signal: stop.signal })).rejects.toThrow('enough')
  })
})

describe('rewardMeasure', () => {
  it('scores prompt and completion as they are, frees its caches, and omits texts that are too long', async () => {
    const released: object[] = []
    const { calls, model } = recording({ contextLength: 5, maxBatch: 2, release: (key) => released.push(key) })
    const { measure, name } = rewardMeasure({
      ...model,
      run: async (batch: readonly RewardCall[]) => model.run(batch).then(() => batch.map(() => Float32Array.of(7))),
    })
    const replies = [reply('a'), reply('b', { completion: 'too long' }), reply('c', { completion: '' })]
    expect(await measure(replies)).toEqual([7, Number.NaN, 7])
    expect(name).toBe('reward:fake')
    expect(calls.map(({ tokenIds }) => tokenIds)).toEqual([charCodec().encode('abcd', true), charCodec().encode('ab', true)])
    expect(released).toEqual(calls.map(({ key }) => key))
  })

  it('does not add a second begin token if the template has one', async () => {
    const codec = {
      ...charCodec('first'),
      encode: (text: string, special: boolean) => [...(special ? [127] : []), ...charCodec().encode(text, special)],
    }
    const { calls, model } = recording({ codec })
    await rewardMeasure(model).measure([reply('a', { prompt: '\u007fab' }), reply('b')])
    expect(calls.map(({ tokenIds }) => tokenIds)).toEqual([
      [127, 97, 98, 99, 100],
      [127, 97, 98, 99, 100],
    ])
  })
})

describe('perplexityMeasure', () => {
  const loss = (prompt: string, completion: string): number => {
    const ids = charCodec().encode(prompt + completion, false)
    const losses = ids.slice(prompt.length).map((id, index) => {
      const logits = logitsOf(ids.slice(0, prompt.length + index), -9)
      return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - logits[id]!
    })
    return losses.reduce((sum, each) => sum + each, 0) / losses.length
  }

  it("is the mean loss over each reply's tokens, with long and short replies in one batch", async () => {
    const lm = fakeLm()
    const replies = ['c', 'cdefg'].map((text, index) => reply(`r${index}`, { tokenIds: charCodec().encode(text, false) }))
    const losses = await perplexityMeasure(lm).measure(replies)
    expect(losses[0]).toBeCloseTo(loss('ab', 'c'), 6)
    expect(losses[1]).toBeCloseTo(loss('ab', 'cdefg'), 6)
    expect(lm.batches).toEqual([2, 1, 1, 1, 1])
    expect(lm.held.size).toBe(0)
  })

  it('refuses a model with another tokenizer, and has no figure for texts that do not fit', async () => {
    const { measure } = perplexityMeasure(fakeLm({ contextLength: 2 }))
    expect(await measure([reply('a'), reply('b', { tokenIds: null })])).toEqual([Number.NaN, Number.NaN])
    await expect(perplexityMeasure(fakeLm()).measure([reply('a', { promptTokenIds: [1, 2, 3] })])).rejects.toThrow(
      'Expected `lm` to have the tokenizer of the run, got different token ids for the prompt of `a`',
    )
  })
})

describe('coherenceMeasure', () => {
  it('is the cosine of the embeddings of prompt and completion', async () => {
    const vectors: Record<string, Float32Array> = { ab: Float32Array.of(1, 0), cd: Float32Array.of(1, 1) }
    const { measure } = coherenceMeasure({ embed: async (texts) => texts.map((text) => vectors[text]!) })
    expect((await measure([reply('a')]))[0]).toBeCloseTo(Math.SQRT1_2, 9)
  })

  it('has no figure for a reply that the encoder cannot read', async () => {
    const embed = async (texts: readonly string[]) => {
      if (texts.includes('long')) throw new ShapeError('too long')
      return texts.map(() => Float32Array.of(1, 2))
    }
    const replies = ['a', 'long', 'b', 'c'].map((completion) => reply(completion, { completion }))
    const found = await coherenceMeasure({ embed }).measure(replies)
    expect(found.map((one) => Math.round(one * 1000) / 1000)).toEqual([1, Number.NaN, 1, 1])
    await expect(coherenceMeasure({ embed: () => Promise.reject(new Error('lost')) }).measure(replies)).rejects.toThrow('lost')
  })
})
