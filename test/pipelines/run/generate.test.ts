import { lastValueFrom, map, mergeMap, take, throwError, toArray } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { selectGreedy } from '../../../operators/selectGreedy.js'
import { topK } from '../../../operators/topK.js'
import { args } from '../../../pipelines/decoders/args.js'
import { greedy } from '../../../pipelines/decoders/greedy.js'
import { nucleus } from '../../../pipelines/decoders/nucleus.js'
import { steps } from '../../../pipelines/decoding/steps.js'
import { batchTextReward } from '../../../pipelines/rewards/textReward.js'
import { type GenerateOptions, generate } from '../../../pipelines/run/generate.js'
import { OptionError } from '../../../src/core/errors.js'
import type { Prompt } from '../../../src/core/prompt.js'
import type { Models, Row } from '../../../src/core/run.js'
import type { Decoder } from '../../../src/core/step.js'
import { charCodec, fakeLm, fakeModels, promptsOf, rowsOf, settled } from '../../fakes.js'

const run = async (
  prompts: Iterable<string | Prompt>,
  { decoder = args({ k: 5 }), models = fakeModels(), ...options }: GenerateOptions & { decoder?: Decoder; models?: Models } = {},
): Promise<Row[]> => settled(await rowsOf(generate(promptsOf(prompts), decoder, models, { maxNewTokens: 8, ...options })))

it('refuses steps in place of a decoder', () => {
  const own = steps(topK({ k: 1 }), selectGreedy())
  expect(() => generate(promptsOf(['a']), own as unknown as Decoder, fakeModels())).toThrow(
    'Expected a decoder, such as (models) => steps(…), got the steps themselves',
  )
})

describe('exactly one row a prompt and sample', () => {
  it('for each sample; sampled rows differ and repeat with their seed', async () => {
    const rows = await run(['a', 'b'], { decoder: nucleus(), samples: 3, seed: 5 })
    expect(rows.map(({ id, sample }) => `${id}/${sample}`)).toEqual(['p1/0', 'p1/1', 'p1/2', 'p2/0', 'p2/1', 'p2/2'])
    expect(new Set(rows.map(({ completion }) => completion)).size).toBe(6)
    expect(await run(['a', 'b'], { decoder: nucleus(), samples: 3, seed: 5 })).toEqual(rows)
    expect(await run(['a', 'b'], { decoder: nucleus(), samples: 3, seed: 6 })).not.toEqual(rows)
  })
  it('for an invalid prompt: an error with the reason, while its neighbours finish', async () => {
    const refusing = {
      ...charCodec(),
      render: () => {
        throw new Error('roles must alternate')
      },
    }
    const rows = await run(
      [
        'good',
        { id: 'q1', error: 'prompts.jsonl:2: expected `prompt` to be a string' },
        { id: 'q2', content: { text: '' } },
        { id: 'q3', content: { messages: [] } },
        { id: 'q4', content: { text: 'much too long' } },
        { id: 'q5', content: { messages: [{ role: 'user', content: 'x' }] } },
        { id: 'q6' },
        { id: 'q7', content: { text: 'x' }, stop: [''] },
        { id: 'z', content: { text: 'good' } },
      ],
      { models: fakeModels(fakeLm({ codec: refusing }), []), decoder: greedy(), maxPromptTokens: 10 },
    )
    expect(rows.map(({ error }) => error)).toEqual([
      null,
      'prompts.jsonl:2: expected `prompt` to be a string',
      'The prompt is empty',
      'The prompt is empty',
      'The prompt has 13 tokens, the limit is 10',
      'roles must alternate',
      'Expected a prompt with `content` or `tokenIds`, got neither',
      'Expected `stop` to be a list of non-empty strings, got `` (string)',
      null,
    ])
    expect(rows[4]).toMatchObject({
      finishReason: 'error',
      prompt: 'much too long',
      completion: null,
      tokenIds: null,
      reward: null,
      seed: 0,
    })
    expect(rows.at(-1)!.completion).toHaveLength(8)
  })
  it('for a prompt that fills the context', async () => {
    const models = fakeModels(fakeLm({ contextLength: 10 }))
    const rows = await run(['1234567890', '123', '12'], { models })
    expect(rows.map(({ error, completionTokens }) => error ?? completionTokens)).toEqual([
      'The prompt has 10 tokens and leaves no room in the context of 10',
      'The prompt has 3 tokens, the limit is 2: the context of 10 minus 8 new tokens',
      8,
    ])
    const longer = await run(['123456789'], { models, maxPromptTokens: 9 })
    expect(longer.map(({ finishReason, completionTokens }) => [finishReason, completionTokens])).toEqual([['length', 1]])
  })
  it('for prompts whose new tokens fill the context', async () => {
    const models = fakeModels(fakeLm({ contextLength: 8 }))
    const own = { id: 'a', content: { text: '1' }, overrides: { maxNewTokens: 8 } }
    const [row] = await run([own], { models, maxNewTokens: 2 })
    expect(row!.error).toBe('Expected `maxNewTokens` to be below the context of 8 tokens, which holds prompt and reply, got 8')
  })
  it.each([
    ['maxNewTokens', 8],
    ['maxNewTokens', 1e9],
  ])('except for %s %d, beyond the context', async (name, tokens) => {
    const models = fakeModels(fakeLm({ contextLength: 8 }))
    await expect(run(['1'], { models, maxNewTokens: 2, [name]: tokens })).rejects.toThrow(
      `Expected \`${name}\` to be below the context of 8 tokens, which holds prompt and reply, got ${tokens}`,
    )
  })
  it('for a second prompt with the same id: an error under its own place', async () => {
    const same = (place?: string): Prompt => ({ id: 'a', content: { text: 'x' }, ...(place && { place }) })
    const rows = await run([same('in.jsonl:1'), same('in.jsonl:2'), same()], { samples: 2 })
    expect(rows.map(({ id, sample, error }) => [id, sample, error])).toEqual([
      ['a', 0, null],
      ['a', 1, null],
      ['a (prompt 3)', 0, 'Expected each id once, got `a` again'],
      ['a (prompt 3)', 1, 'Expected each id once, got `a` again'],
      ['in.jsonl:2', 0, 'Expected each id once, got `a` again in in.jsonl:2'],
      ['in.jsonl:2', 1, 'Expected each id once, got `a` again in in.jsonl:2'],
    ])
  })
  it('except rows that are done', async () => {
    const rows = generate(promptsOf(['a', 'b']), args({ k: 2 }), fakeModels(), { samples: 2, maxNewTokens: 2 }).rows({
      done: ({ id, sample }) => id === 'p1' || sample === 1,
    })
    expect((await lastValueFrom(rows.pipe(toArray()))).map(({ id, sample }) => [id, sample])).toEqual([['p2', 0]])
  })
  it('and none without prompts', async () => {
    expect(await run([])).toEqual([])
  })
  it.each<[string, Parameters<typeof batchTextReward>[1], RegExp]>([
    [
      'throws',
      (texts) => {
        if (texts[0]!.startsWith('bad')) throw new Error('no')
        return texts.map(() => 1)
      },
      /^Reward `mine` failed: no$/,
    ],
    [
      'rejects',
      async (texts) => {
        if (texts[0]!.startsWith('bad')) throw new Error('no')
        return texts.map(() => 1)
      },
      /^Reward `mine` failed: no$/,
    ],
    [
      'gives too few',
      (texts) => (texts[0]!.startsWith('bad') ? [1] : texts.map(() => 1)),
      /^Reward `mine` gave 1 numbers for 5 texts$/,
    ],
    ['gives NaN', (texts) => texts.map((text) => (text.startsWith('bad') ? Number.NaN : 1)), /^Reward `mine` gave `NaN`/],
    [
      'gives no list',
      (texts) => (texts[0]!.startsWith('bad') ? (7 as never) : texts.map(() => 1)),
      /gave `7` \(number\); expected an array of 5 numbers$/,
    ],
    [
      'never settles',
      (texts) => (texts[0]!.startsWith('bad') ? new Promise(() => {}) : texts.map(() => 1)),
      /^Reward `mine` returned nothing within 500 ms$/,
    ],
  ])('for a prompt whose reward %s, while its neighbours finish', async (_, score, message) => {
    const rows = await run(['good', 'bad', 'also'], {
      models: fakeModels(fakeLm(), [batchTextReward('mine', score, { timeoutMs: 500 })]),
    })
    expect(rows.map(({ finishReason }) => finishReason)).toEqual(['length', 'error', 'length'])
    expect(rows[1]!.error).toMatch(message)
  })
  it('for a reply whose value fails: the reply with the error', async () => {
    const broken = batchTextReward('mine', () => Promise.reject(new Error('no')))
    const [row] = await run(['a'], { decoder: greedy(), models: fakeModels(fakeLm(), [broken]) })
    expect(row).toMatchObject({ finishReason: 'error', error: 'Reward `mine` failed: no', reward: null, completionTokens: 8 })
  })
  it('for prompts in a batch that fails', async () => {
    const models = fakeModels(fakeLm({ maxBatch: 1, fails: (ids) => ids[0] === 'b'.charCodeAt(0) && ids.length > 6 }))
    const rows = await run(['good', 'bad', 'also'], { models })
    expect(rows.map(({ error }) => error)).toEqual([null, 'the model failed', null])
    const { lm } = models
    expect((lm as ReturnType<typeof fakeLm>).held.size).toBe(0)
  })
  it('for a decoder without an output, or without a token', async () => {
    const none: Decoder = () => (source) => source.pipe(take(0)) as never
    expect(await run(['a'], { decoder: none })).toMatchObject([{ error: 'Expected the decoder to return a token, got none' }])
    const strange: Decoder = () => (source) => source.pipe(map((step) => ({ ...step, tokenId: -1 }))) as never
    expect(await run(['a'], { decoder: strange })).toMatchObject([{ error: 'Expected a token id, got -1' }])
    const doubled: Decoder = (models) => (source) =>
      source.pipe(
        greedy()(models),
        mergeMap((step) => [step, step]),
      )
    expect(await run(['a'], { decoder: doubled })).toMatchObject([
      { error: 'Expected the decoder to return one token per step, got two' },
    ])
    const throwing: Decoder = () => () => throwError(() => new Error('mine')) as never
    expect(await run(['a'], { decoder: throwing })).toMatchObject([{ error: 'mine' }])
  })
})

describe('programs without types', () => {
  const prompts = [{ id: 'a', content: { text: 'x' } }]
  it.each<[string, readonly unknown[], string]>([
    [
      'no prompts',
      [undefined, greedy(), fakeModels()],
      'Expected the prompts to be iterable, such as fromFile(…), got `undefined`',
    ],
    [
      'a text of prompts',
      ['hello', greedy(), fakeModels()],
      'Expected the prompts to be iterable, such as fromFile(…), got `hello`',
    ],
    ['the name of a decoder', [prompts, 'greedy', fakeModels()], 'Expected a decoder, such as args(), or a search, got `greedy`'],
    ['no models', [prompts, greedy(), {}], 'Expected the models that `loadModels` gives, got none with an `lm`'],
  ])('fail with a clear error for %s', (_, parts, message) => {
    const [source, decoder, models] = parts as Parameters<typeof generate>
    expect(() => generate(source, decoder, models)).toThrow(new OptionError(message))
  })

  it('get an error row for a prompt without an id', async () => {
    const given = [null, 5, {}, { id: 1 }, { id: '' }, { id: 'good', content: { text: 'x' } }] as readonly unknown[] as Prompt[]
    const rows = await rowsOf(generate(promptsOf(given), greedy(), fakeModels(), { maxNewTokens: 2, concurrency: 1 }))
    expect(rows.map(({ id, error }) => [id, error])).toEqual([
      ...['null', '5', 'nothing', '1', ''].map((got, index) => [
        `prompt ${index + 1}`,
        `Expected a prompt with an \`id\` that is text and not empty, got \`${got}\``,
      ]),
      ['good', null],
    ])
  })
})
