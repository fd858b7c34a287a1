import { forkJoin, from, lastValueFrom } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { shared } from '../../pipelines/rewardOverText.js'
import { schedule } from '../../pipelines/schedule.js'
import { textReward } from '../../pipelines/textReward.js'
import { OptionError, RewardError, ShapeError, TemplateError } from '../../src/core/errors.js'
import type { BatchedRewardModel, RewardCall, Sequence, TextCodec } from '../../src/core/types.js'
import { charCodec, END, fakeLm, fakeModels, fakeRm } from '../fakes.js'

const codec = charCodec()
const sequenceOf = (prompt: string, completion: string, more: Partial<Sequence> = {}): Sequence => ({
  key: {},
  promptId: prompt,
  sample: 0,
  seed: 0,
  prompt: { text: prompt },
  promptTokenIds: codec.encode(prompt, true),
  tokenIds: codec.encode(completion, false),
  ...more,
})
const ids = (text: string): Int32Array => Int32Array.from(codec.encode(text, false))

/** A reward model that tells what it was asked; it gives the number of tokens of each branch. */
const recording = (more: Partial<BatchedRewardModel> = {}) => {
  const calls: RewardCall[] = []
  const model: BatchedRewardModel = {
    ...fakeRm({ codec: charCodec('other') }),
    run: async (batch) => {
      calls.push(...batch)
      return batch.map(({ branches }) => Float32Array.from(branches, (branch) => branch.length))
    },
    ...more,
  }
  return { calls, model }
}

describe('schedule', () => {
  it("batches calls of several sequences, LM and rewards apart, and reports each batch under the model's name", async () => {
    const lm = fakeLm()
    const rm = fakeRm()
    const reports: [string, number][] = []
    const models = schedule(fakeModels(lm, [rm]), { onBatch: (model, { size }) => reports.push([model, size]) })
    const sequences = ['a', 'b', 'c'].map((prompt) => sequenceOf(prompt, ''))
    const logits = sequences.map((sequence) => models.lm.logits(sequence, 'all'))
    const rewards = sequences.slice(1).map((sequence) => models.reward!.score(sequence, ids('xy')))
    const [first] = await lastValueFrom(forkJoin([forkJoin(logits), forkJoin(rewards)]))
    expect(first.map(({ values }) => values.length)).toEqual([128, 128, 128])
    expect(reports).toEqual([
      ['lm', 3],
      ['fake', 2],
    ])
  })
  it('frees a sequence in the model it is released in', () => {
    const lm = fakeLm()
    const rm = fakeRm()
    const models = schedule(fakeModels(lm, [rm]))
    const sequence = sequenceOf('a', '')
    models.lm.release(sequence)
    models.reward!.release!(sequence)
    expect([lm.released, rm.released]).toEqual([[sequence.key], [sequence.key]])
  })
  it('refuses what does not fit a model without failing its neighbours', async () => {
    const models = schedule(fakeModels(fakeLm({ contextLength: 4 }), [fakeRm({ contextLength: 4 })]))
    const long = sequenceOf('abc', 'de')
    const short = sequenceOf('abc', '')
    const calls = [
      from(models.lm.logits(long, 1)),
      from(models.lm.logits(short, 1)),
      from(models.reward!.score(sequenceOf('abc', 'd'), ids('x'))),
    ]
    const settled = await Promise.allSettled(calls.map((call) => lastValueFrom(call as never)))
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected'])
    expect((settled[0] as PromiseRejectedResult).reason).toEqual(
      new ShapeError("Expected at most 4 tokens, the model's context, got 5"),
    )
    expect((settled[2] as PromiseRejectedResult).reason).toEqual(
      new RewardError('Reward `fake` has a context of 4 tokens, the sequence has 5'),
    )
  })
})

describe('a reward model with the same tokenizer and template', () => {
  it('reads the token ids, each candidate a branch', async () => {
    const { calls, model } = recording({ codec: charCodec() })
    const { reward } = schedule(fakeModels(fakeLm(), [model]))
    const sequence = sequenceOf('ab', 'c')
    await lastValueFrom(from(reward!.score(sequence, ids('xy'))))
    await lastValueFrom(from(reward!.value(sequence)))
    const [x, y] = ids('xy')
    expect(calls).toEqual([
      { key: sequence.key, tokenIds: [...ids('abc')], branches: [[x], [y]] },
      { key: sequence.key, tokenIds: [...ids('abc')], branches: [[]] },
    ])
    expect(calls[0]!.key).toBe(sequence.key)
  })
  it.each<[string, Float32Array, string]>([
    ['too few numbers', Float32Array.of(1), 'Reward `fake` gave 1 numbers for 2 texts'],
    ['NaN', Float32Array.of(1, Number.NaN), 'Reward `fake` gave NaN for text 1 of 2'],
  ])('errors for %s', async (_, given, message) => {
    const { model } = recording({ codec: charCodec(), run: async (calls) => calls.map(() => given) })
    const { reward } = schedule(fakeModels(fakeLm(), [model]))
    await expect(lastValueFrom(from(reward!.score(sequenceOf('a', ''), ids('xy'))))).rejects.toEqual(new RewardError(message))
  })
})

describe('a reward model with another tokenizer or template', () => {
  it('reads the text in its own tokens: what the candidates share once, at least one token a branch', async () => {
    const { calls, model } = recording()
    const { reward } = schedule(fakeModels(fakeLm(), [model]))
    const sequence = sequenceOf('ab', 'c')
    await lastValueFrom(from(reward!.score(sequence, ids('xy'))))
    await lastValueFrom(from(reward!.value(sequence)))
    expect(calls).toMatchObject([
      { tokenIds: [...ids('abc')], branches: [[...ids('x')], [...ids('y')]] },
      { tokenIds: [...ids('abc')], branches: [[]] },
    ])
  })
  it('scores a candidate that ends the reply as the reply so far', async () => {
    const { calls, model } = recording()
    const { reward } = schedule(fakeModels(fakeLm(), [model]))
    await lastValueFrom(from(reward!.score(sequenceOf('ab', 'c'), Int32Array.of(END, ...ids('x')))))
    expect(calls).toMatchObject([{ tokenIds: [...ids('ab')], branches: [[...ids('c')], [...ids('cx')]] }])
  })
  it('renders messages with its own template', async () => {
    const own: TextCodec = { ...charCodec('own'), render: ([message]) => `<${message!.content}>` }
    const { calls, model } = recording({ codec: own })
    const { reward } = schedule(fakeModels(fakeLm(), [model]))
    await lastValueFrom(from(reward!.value(sequenceOf('ab', 'c', { prompt: { messages: [{ role: 'user', content: 'hi' }] } }))))
    expect(calls[0]!.tokenIds).toEqual([...ids('<hi>c')])
  })
  it('says once that it is slower', async () => {
    const notices: string[] = []
    const { reward } = schedule(fakeModels(fakeLm(), [recording().model]), { onNotice: (notice) => notices.push(notice) })
    for (const text of ['a', 'b']) await lastValueFrom(from(reward!.value(sequenceOf(text, 'c'))))
    expect(notices).toEqual([
      'Reward `fake` has another tokenizer or chat template than the language model: it reads text, which is slower',
    ])
    schedule(fakeModels(fakeLm(), [fakeRm()]), { onNotice: (notice) => notices.push(notice) })
    expect(notices).toHaveLength(1)
  })
  it('leaves out a character whose bytes are incomplete', async () => {
    const broken: TextCodec = {
      ...charCodec(),
      decode: (tokenIds) => tokenIds.map((id) => (id === 1 ? '\uFFFD' : String.fromCharCode(id))).join(''),
    }
    const { calls, model } = recording()
    const { reward } = schedule(fakeModels({ ...fakeLm(), codec: broken }, [model]))
    await lastValueFrom(from(reward!.score(sequenceOf('ab', 'c'), Int32Array.of(1, ...ids('x')))))
    expect(calls).toMatchObject([{ tokenIds: [...ids('ab')], branches: [[...ids('c')], [...ids('cx')]] }])
  })
  it('errors for an empty text, one too long for it, and messages it cannot render', async () => {
    const refusing: TextCodec = {
      ...charCodec('own'),
      render: () => {
        throw new TemplateError('no chat template')
      },
    }
    const whole = (model: BatchedRewardModel, sequence: Sequence) =>
      lastValueFrom(from(schedule(fakeModels(fakeLm(), [model])).reward!.value(sequence)))
    await expect(whole(recording().model, sequenceOf('', ''))).rejects.toEqual(
      new RewardError('Reward `fake` cannot read an empty text'),
    )
    await expect(whole(recording({ contextLength: 2 }).model, sequenceOf('abc', ''))).rejects.toEqual(
      new RewardError('Reward `fake` has a context of 2 tokens, the text has 3 of its tokens'),
    )
    const messages = sequenceOf('', '', { prompt: { messages: [{ role: 'user', content: 'hi' }] } })
    await expect(whole(recording({ codec: refusing }).model, messages)).rejects.toEqual(new TemplateError('no chat template'))
  })
  it.each<[string, number[][], number[], number[][]]>([
    ['nothing in common', [[1], [2]], [], [[1], [2]]],
    ['one text', [[1, 2, 3]], [1, 2], [[3]]],
    [
      'equal texts',
      [
        [1, 2],
        [1, 2],
      ],
      [1],
      [[2], [2]],
    ],
    [
      'one text that begins another',
      [
        [1, 2],
        [1, 2, 3],
      ],
      [1],
      [[2], [2, 3]],
    ],
    [
      'branches of several tokens',
      [
        [1, 2, 3],
        [1, 4],
      ],
      [1],
      [[2, 3], [4]],
    ],
  ])('shares the prefix of %s', (_, texts, tokenIds, branches) => {
    expect(shared(texts)).toEqual({ tokenIds, branches })
  })
})

describe('a reward over text', () => {
  const scoresOf = (score: Parameters<typeof textReward>[1], options = {}) =>
    lastValueFrom(
      from(schedule(fakeModels(fakeLm(), [textReward('mine', score, options)])).reward!.score(sequenceOf('ab', 'c'), ids('xy'))),
    )

  it('reads prompt, completion and candidate', async () => {
    const seen: string[] = []
    expect([...(await scoresOf((text) => seen.push(text)))]).toEqual([1, 2])
    expect(seen).toEqual(['abcx', 'abcy'])
  })
  it('reads the rendered messages, and no special tokens', async () => {
    const seen: string[] = []
    const reward = schedule(fakeModels(fakeLm(), [textReward('mine', (text) => seen.push(text))])).reward!
    const messages = sequenceOf('', '', {
      prompt: { messages: [{ role: 'user', content: 'hi' }] },
      tokenIds: [...ids('yo'), END],
    })
    await lastValueFrom(from(reward.value(messages)))
    expect(seen).toEqual(['user: hi\nassistant: yo'])
  })
  it('may be asynchronous', async () => {
    expect([...(await scoresOf(async (text) => text.length))]).toEqual([4, 4])
  })
  it.each<[string, () => unknown, string]>([
    [
      'throws',
      () => {
        throw new Error('no')
      },
      'Reward `mine` failed: no',
    ],
    [
      'rejects',
      async () => {
        throw new Error('no')
      },
      'Reward `mine` failed: no',
    ],
    ['gives NaN', () => Number.NaN, 'Reward `mine` gave `NaN` (number) for text 0; expected a finite number'],
    [
      'gives a number that is infinite in 32 bits',
      () => 1e300,
      'Reward `mine` gave `1e+300` (number) for text 0; expected a finite number',
    ],
    ['gives a text', () => '3', 'Reward `mine` gave `3` (string) for text 0; expected a finite number'],
    ['gives nothing', () => undefined, 'Reward `mine` gave `undefined` (undefined) for text 0; expected a finite number'],
  ])('errors when it %s', async (_, score, message) => {
    await expect(scoresOf(score as () => number)).rejects.toThrow(new RewardError(message))
  })
  it('errors when it does not answer in time, and is told so', async () => {
    let told: AbortSignal | undefined
    const hanging = scoresOf(
      (_, signal) => {
        told = signal
        return new Promise(() => {})
      },
      { timeoutMs: 5 },
    )
    await expect(hanging).rejects.toEqual(new RewardError('Reward `mine` gave nothing within 5 ms'))
    expect(told!.aborted).toBe(true)
  })
  it('is told when nobody waits for it any more', async () => {
    let told: AbortSignal | undefined
    const reward = schedule(
      fakeModels(fakeLm(), [
        textReward('mine', (_, signal) => {
          told = signal
          return new Promise(() => {})
        }),
      ]),
    ).reward!
    const subscription = from(reward.value(sequenceOf('a', 'b'))).subscribe()
    await Promise.resolve()
    subscription.unsubscribe()
    expect(told!.aborted).toBe(true)
  })
  it.each([0, 1.5, Number.POSITIVE_INFINITY, '1'])('refuses timeoutMs = %s', (timeoutMs) => {
    expect(() => textReward('mine', () => 0, { timeoutMs: timeoutMs as number })).toThrow(OptionError)
  })
  it('refuses an empty name', () => {
    expect(() => textReward('', () => 0)).toThrow(new OptionError('Expected `name` to be a name, got `` (string)'))
  })
})
