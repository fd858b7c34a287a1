import { forkJoin, from, lastValueFrom, type ObservableInput } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { schedule } from '../../../pipelines/schedule/schedule.js'
import { OptionError, RewardError, ShapeError } from '../../../src/core/errors.js'
import { charCodec, fakeLm, fakeModels, fakeRm, ids, recording, sequenceOf } from '../../fakes.js'

describe('schedule', () => {
  it("batches calls of several sequences for each model, and reports batches by the model's name", async () => {
    const lm = fakeLm()
    const rm = fakeRm()
    const reports: [string, number][] = []
    const models = schedule(fakeModels(lm, [rm]), {
      observe: { onBatch: (model, { size }) => reports.push([model, size]) },
    })
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
  it('frees a sequence in the model that releases it', () => {
    const lm = fakeLm()
    const rm = fakeRm()
    const models = schedule(fakeModels(lm, [rm]))
    const sequence = sequenceOf('a', '')
    models.lm.release(sequence)
    models.reward!.release!(sequence)
    expect([lm.released, rm.released]).toEqual([[sequence.key], [sequence.key]])
  })
  it('refuses token ids that a language model cannot read, and serves their neighbours', async () => {
    const { lm, lms } = schedule({ ...fakeModels(), lms: { other: fakeLm() } })
    const bad = sequenceOf('ab', 'c', { tokenIds: [5, 128] })
    const settled = await Promise.allSettled(
      [
        lm.logits(bad, 'all'),
        lms.get('other')!.logits(bad, 'all'),
        lm.hiddenStates!(sequenceOf('ab', 'c'), Int32Array.of(5, -1)),
        lm.logits(sequenceOf('ab', 'c'), 'all'),
      ].map((call) => lastValueFrom(from<ObservableInput<unknown>>(call))),
    )
    const refusal = (name: string, id: number) =>
      new ShapeError(`Language model \`${name}\` reads token ids from 0 to 127, got ${id}`)
    expect(settled.map((one) => (one.status === 'rejected' ? one.reason : 'read'))).toEqual([
      refusal('lm', 128),
      refusal('other', 128),
      refusal('lm', -1),
      'read',
    ])
  })
  it('refuses a sequence that does not fit, and serves its neighbours', async () => {
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
  it('refuses token ids that it cannot read, and serves its neighbours', async () => {
    const { calls, model } = recording({ codec: charCodec(), vocabSize: 128 })
    const { reward } = schedule(fakeModels(fakeLm(), [model]))
    const settled = await Promise.allSettled(
      [
        reward!.score(sequenceOf('ab', 'c'), Int32Array.of(5, 128)),
        reward!.score(sequenceOf('ab', 'c'), Int32Array.of(-1)),
        reward!.score(sequenceOf('ab', 'c', { tokenIds: [128, 5] }), Int32Array.of(5)),
        reward!.value(sequenceOf('ab', 'c', { tokenIds: [5, 128] })),
        reward!.score(sequenceOf('ab', 'c'), Int32Array.of(5, 127)),
      ].map((call) => lastValueFrom(from<ObservableInput<unknown>>(call))),
    )
    const refusal = (id: number) => new RewardError(`Reward \`${model.name}\` reads token ids from 0 to 127, got ${id}`)
    expect(settled.map((one) => (one.status === 'rejected' ? one.reason : 'scored'))).toEqual([
      refusal(128),
      refusal(-1),
      refusal(128),
      refusal(128),
      'scored',
    ])
    expect(calls).toHaveLength(1)
  })

  it('reads the token ids, with each candidate as a branch', async () => {
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
    ['NaN', Float32Array.of(1, Number.NaN), 'Reward `fake` gave `NaN` (number) for text 1; expected a finite number'],
  ])('errors for %s', async (_, given, message) => {
    const { model } = recording({ codec: charCodec(), run: async (calls) => calls.map(() => given) })
    const { reward } = schedule(fakeModels(fakeLm(), [model]))
    await expect(lastValueFrom(from(reward!.score(sequenceOf('a', ''), ids('xy'))))).rejects.toEqual(new RewardError(message))
  })
})

describe('a reward model whose unit is a log-probability', () => {
  it('scores the next token at each step, and the whole reply at the end', async () => {
    const { calls, model } = recording({ codec: charCodec(), unit: 'logprob' })
    const { reward } = schedule(fakeModels(fakeLm(), [model]))
    const sequence = sequenceOf('ab', 'cd')
    await lastValueFrom(from(reward!.score(sequence, ids('xy'))))
    await lastValueFrom(from(reward!.value(sequence)))
    const [x, y] = ids('xy')
    expect(calls).toEqual([
      { key: sequence.key, tokenIds: [...ids('abcd')], branches: [[x], [y]] },
      { key: sequence.key, tokenIds: [...ids('ab')], branches: [[...ids('cd')]] },
    ])
  })

  it('must have the tokens of the language model', () => {
    const { model } = recording({ unit: 'logprob' })
    expect(() => schedule(fakeModels(fakeLm(), [model]))).toThrow(OptionError)
    expect(() => schedule(fakeModels(fakeLm(), [model]))).toThrow(
      /`fake` to have the tokenizer and chat template of the language model/,
    )
  })
})
