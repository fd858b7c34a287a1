import { describe, expect, it } from 'vitest'
import { type ScoredText, type ScoreOptions, score } from '../../../pipelines/evaluation/score.js'
import type { BatchedRewardModel, RewardCall } from '../../../src/core/batched.js'
import { ModelLostError, OutOfMemoryError } from '../../../src/core/errors.js'
import type { Row } from '../../../src/core/run.js'

/** Each character is a token, and the reward is their number. */
function fakeReward(fields: Partial<BatchedRewardModel> = {}) {
  const batches: number[] = []
  const released: object[] = []
  const reward: BatchedRewardModel = {
    kind: 'tokens',
    name: 'length',
    codec: {
      encode: (text, special) => [...(special ? [1] : []), ...Array.from(text, (letter) => letter.codePointAt(0)!)],
      decode: () => '',
      render: (messages) => messages.map(({ role, content }) => `<${role}>${content}`).join(''),
      vocabSize: 300,
      fingerprint: 'f',
    },
    contextLength: 20,
    maxBatch: 4,
    run: async (calls: readonly RewardCall[]) => {
      batches.push(calls.length)
      await new Promise(setImmediate) // as long as others need to come
      return calls.map(({ tokenIds }) => Float32Array.of(tokenIds.length))
    },
    release: (key) => released.push(key),
    ...fields,
  }
  return { reward, batches, released }
}

async function rowsOf(texts: readonly ScoredText[], reward: BatchedRewardModel, options?: ScoreOptions): Promise<Row[]> {
  async function* source() {
    yield* texts
  }
  const rows: Row[] = []
  for await (const row of score(source(), { reward, hashes: {} }, options)) rows.push(row)
  return rows
}

const text = (id: string, prompt = 'ab', completion = 'c', fields: Partial<ScoredText> = {}): ScoredText => ({
  id,
  content: { text: prompt },
  completion,
  ...fields,
})

describe('score', () => {
  it('makes one row a text with the reward of prompt and completion', async () => {
    const { reward } = fakeReward()
    const rows = await rowsOf([text('a'), text('b', 'abc', 'de')], reward, { now: () => 5 })
    expect(rows).toMatchObject([
      { id: 'a', sample: 0, prompt: 'ab', completion: 'c', reward: 4, error: null, startedAt: 5, durationMs: 0 },
      { id: 'b', reward: 6 },
    ])
  })

  it('keeps the columns of texts unless `keepInput` is false', async () => {
    const { reward } = fakeReward()
    const texts = [text('a', 'ab', 'c', { input: { own: 1 } })]
    const kept = await Promise.all([undefined, true, false].map((keepInput) => rowsOf(texts, reward, { keepInput })))
    expect(kept.map(([row]) => row?.input)).toEqual([{ own: 1 }, { own: 1 }, undefined])
    await expect(rowsOf(texts, reward, { spec: { keepInput: true } })).rejects.toThrow('Expected `keepInput` as an option')
  })

  it('renders messages with the reward model’s template, which writes its own special tokens', async () => {
    const { reward } = fakeReward()
    const messages = [{ role: 'u', content: 'hi' }]
    expect(await rowsOf([{ id: 'a', content: { messages }, completion: '!' }], reward)).toMatchObject([
      { prompt: '<u>hi', reward: 6 },
    ])
  })

  it('batches calls, and frees the cache of each text', async () => {
    const { reward, batches, released } = fakeReward()
    await rowsOf(
      Array.from({ length: 40 }, (_, index) => text(`${index}`)),
      reward,
      { concurrency: 8 },
    )
    expect(Math.max(...batches)).toBe(4)
    expect(batches.length).toBeLessThan(20)
    expect(new Set(released).size).toBe(40)
  })

  it('makes an error row of a broken, empty, too long or duplicate text', async () => {
    const { reward } = fakeReward({ codec: { ...fakeReward().reward.codec, encode: (all) => Array.from(all, () => 1) } })
    const rows = await rowsOf(
      [
        { id: 'broken', error: 'a.jsonl:3: Expected more' },
        { id: 'none', content: { text: 'x' } },
        text('empty', '', ''),
        text('long', 'x'.repeat(30)),
        text('a', 'x', 'y', { place: 'a.jsonl:5' }),
        text('a', 'x', 'z', { place: 'a.jsonl:6' }),
        text('a', 'x', 'z', { sample: 1 }),
      ],
      reward,
    )
    const byId = new Map(rows.map((row) => [`${row.id} ${row.sample}`, row.error]))
    expect(Object.fromEntries(byId)).toEqual({
      'broken 0': 'a.jsonl:3: Expected more',
      'none 0': 'Expected a prompt and its completion, got no `completion`',
      'empty 0': 'The text is empty: it has no tokens',
      'long 0': 'Reward `length` has a context of 20 tokens, the text has 31 of its tokens',
      'a 0': null,
      'a.jsonl:6 0': 'Expected each id and sample once, got `a` again in a.jsonl:6',
      'a 1': null,
    })
  })

  it.each([
    ['null', null, 'prompt 1 0', 'Expected a prompt with an `id` that is text and not empty, got `null`'],
    ['no content', { id: 'a', completion: 'y' }, 'a 0', 'Expected a prompt and its completion, got no `content`'],
    ['a column of a file', { id: 'a', prompt: 'x', completion: 'y' }, 'a 0', /^Unknown field `prompt` of a prompt; known: id, /],
    [
      'a number as completion',
      { id: 'a', sample: 1, completion: 5 },
      'a 1',
      'Expected `completion` to be text, got `5` (number)',
    ],
    [
      'text as messages',
      { id: 'a', content: { messages: 'x' }, completion: 'y' },
      'a 0',
      /^Expected `content` to be \{ text \} or/,
    ],
    ...[-1, 2 ** 31].map((sample): [string, object, string, string] => [
      'a sample that the column cannot hold',
      { id: 'a', sample },
      'a 0',
      `Expected \`sample\` to be an integer from 0 to 2147483647, got \`${sample}\` (number)`,
    ]),
  ])('makes an error row of what is no text, and scores its neighbours: %s', async (_, wrong, key, error) => {
    const rows = await rowsOf([wrong as ScoredText, text('good', 'x', 'y')], fakeReward().reward)
    const [bad, good] = [rows.find(({ id }) => id !== 'good')!, rows.find(({ id }) => id === 'good')!]
    expect(good.error).toBeNull()
    expect(`${bad.id} ${bad.sample}`).toBe(key)
    expect(bad.error).toEqual(typeof error === 'string' ? error : expect.stringMatching(error))
  })

  it('refuses texts that are not iterable', () => {
    expect(() => score(undefined as never, { reward: fakeReward().reward, hashes: {} })).toThrow(
      'Expected the prompts to be iterable, such as fromFile(…), got `undefined`',
    )
  })

  it('makes an error row of a non-finite reward and of a failed call', async () => {
    const nan = fakeReward({ run: async (calls) => calls.map(() => Float32Array.of(Number.NaN)) })
    expect(await rowsOf([text('a')], nan.reward)).toMatchObject([{ error: 'Reward `length` returned NaN', reward: null }])
    const failing = fakeReward({ run: () => Promise.reject(new Error('no')) })
    expect(await rowsOf([text('a')], failing.reward)).toMatchObject([{ error: 'no', finishReason: 'error' }])
  })

  it("requests the log-probability of the completion's tokens if that is the reward", async () => {
    const asked: RewardCall[] = []
    const run = async (calls: readonly RewardCall[]) => {
      asked.push(...calls)
      return calls.map(({ branches }) => Float32Array.of(-branches[0]!.length))
    }
    const { reward } = fakeReward({
      unit: 'logprob',
      run,
      codec: { ...fakeReward().reward.codec, encode: (text) => Array.from(text, (letter) => letter.codePointAt(0)!) },
    })
    const rows = await rowsOf(
      [
        { id: 'a', content: { text: 'ab' }, completion: 'cd' },
        { id: 'b', content: { text: 'ab' }, completion: '' },
        { id: 'c', content: { text: '' }, completion: 'cd' },
      ],
      reward,
    )
    expect(asked.map(({ tokenIds, branches }) => [tokenIds, branches])).toEqual([
      [[97, 98], [[99, 100]]],
      [[97, 98], [[]]],
    ])
    const byId = new Map(rows.map((row) => [row.id, row]))
    expect([byId.get('a')!.reward, byId.get('b')!.reward]).toEqual([-2, -0])
    expect(byId.get('c')!.error).toMatch(/`length` returns a logprob: it needs a prompt token/)
  })

  it.each([
    ['the model is lost', ModelLostError],
    ['no memory is left', OutOfMemoryError],
  ])('fails as a whole if %s', async (_, Failure) => {
    const gone = fakeReward({ run: () => Promise.reject(new Failure('gone')) })
    await expect(rowsOf([text('a')], gone.reward)).rejects.toThrow('gone')
  })

  it('refuses an invalid option', () => {
    const { reward } = fakeReward()
    const source = (async function* () {})()
    expect(() => score(source, { reward, hashes: {} }, { concurrency: 0 })).toThrow(
      'Expected `concurrency` to be an integer >= 1',
    )
  })
})
