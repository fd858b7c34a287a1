import { from, lastValueFrom } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { sharedPrefix } from '../../../pipelines/rewards/rewardOverText.js'
import { schedule } from '../../../pipelines/schedule/schedule.js'
import type { BatchedRewardModel } from '../../../src/core/batched.js'
import { RewardError, TemplateError } from '../../../src/core/errors.js'
import type { TextCodec } from '../../../src/core/model.js'
import type { Sequence } from '../../../src/core/sequence.js'
import { charCodec, END, fakeLm, fakeModels, fakeRm, ids, recording, sequenceOf } from '../../fakes.js'

describe('a reward model with another tokenizer or template', () => {
  it('reads the text in its own tokens: the common prefix once, at least one token a branch', async () => {
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
  it('reads its end token after a reply that ended by a token, and after no other', async () => {
    const { calls, model } = recording({ endToken: String.fromCharCode(END) })
    const { reward } = schedule(fakeModels(fakeLm(), [model]))
    await lastValueFrom(from(reward!.score(sequenceOf('ab', 'c'), Int32Array.of(END, ...ids('x')))))
    for (const reply of ['c', `c${String.fromCharCode(END)}`]) await lastValueFrom(from(reward!.value(sequenceOf('ab', reply))))
    expect(calls).toMatchObject([
      { tokenIds: [...ids('abc')], branches: [[END], [...ids('x')]] },
      { tokenIds: [...ids('abc')], branches: [[]] },
      { tokenIds: [...ids('abc'), END], branches: [[]] },
    ])
  })
  it.each([
    [{ endToken: 'e' }, 'Expected the end token to be one special token of reward `fake`, got "e", which is an ordinary token'],
    [{ endToken: 'end' }, 'got "end", which is 3 tokens'],
    [
      { endToken: String.fromCharCode(END), codec: charCodec() },
      'reads the end token of the reply itself, so `endToken` does not apply',
    ],
  ])('is refused with %j', (more, message) => {
    expect(() => schedule(fakeModels(fakeLm(), [recording(more).model]))).toThrow(message)
  })
  it('renders messages with its own template', async () => {
    const own: TextCodec = { ...charCodec('own'), render: ([message]) => `<${message!.content}>` }
    const { calls, model } = recording({ codec: own })
    const { reward } = schedule(fakeModels(fakeLm(), [model]))
    await lastValueFrom(from(reward!.value(sequenceOf('ab', 'c', { prompt: { messages: [{ role: 'user', content: 'hi' }] } }))))
    expect(calls[0]!.tokenIds).toEqual([...ids('<hi>c')])
  })
  it('notes once that it is slower', async () => {
    const notices: string[] = []
    const { reward } = schedule(fakeModels(fakeLm(), [recording().model]), { onNotice: (notice) => notices.push(notice) })
    for (const text of ['a', 'b']) await lastValueFrom(from(reward!.value(sequenceOf(text, 'c'))))
    expect(notices).toEqual([
      'Reward `fake` has a different tokenizer or chat template from the language model, so it reads text, which is slower',
    ])
    schedule(fakeModels(fakeLm(), [fakeRm()]), { onNotice: (notice) => notices.push(notice) })
    expect(notices).toHaveLength(1)
  })
  it('omits a character with incomplete bytes', async () => {
    const broken: TextCodec = {
      ...charCodec(),
      decode: (tokenIds) => tokenIds.map((id) => (id === 1 ? '\uFFFD' : String.fromCharCode(id))).join(''),
    }
    const { calls, model } = recording()
    const { reward } = schedule(fakeModels({ ...fakeLm(), codec: broken }, [model]))
    await lastValueFrom(from(reward!.score(sequenceOf('ab', 'c'), Int32Array.of(1, ...ids('x')))))
    expect(calls).toMatchObject([{ tokenIds: [...ids('ab')], branches: [[...ids('c')], [...ids('cx')]] }])
  })
  it('errors for an empty text, one that is too long, and messages that it cannot render', async () => {
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
    expect(sharedPrefix(texts)).toEqual({ tokenIds, branches })
  })
})
