import { lastValueFrom, map, NEVER, toArray } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { args } from '../../../pipelines/decoders/args.js'
import { greedy } from '../../../pipelines/decoders/greedy.js'
import { nucleus } from '../../../pipelines/decoders/nucleus.js'
import { topKSampling } from '../../../pipelines/decoders/topKSampling.js'
import { type GenerateOptions, generate } from '../../../pipelines/run/generate.js'
import { ModelLostError, OptionError, OutOfMemoryError } from '../../../src/core/errors.js'
import type { Prompt } from '../../../src/core/prompt.js'
import { type Models, type Row, version } from '../../../src/core/run.js'
import type { Decoder } from '../../../src/core/step.js'
import { fakeLm, fakeModels, promptsOf, rowsOf, settled } from '../../fakes.js'

const run = async (
  prompts: Iterable<string | Prompt>,
  { decoder = args({ k: 5 }), models = fakeModels(), ...options }: GenerateOptions & { decoder?: Decoder; models?: Models } = {},
): Promise<Row[]> => settled(await rowsOf(generate(promptsOf(prompts), decoder, models, { maxNewTokens: 8, ...options })))

describe('a run', () => {
  it.each([
    ['a model is lost', new ModelLostError('the worker ended')],
    ['no memory is left for a model', new OutOfMemoryError('lm: no memory is left')],
    ['no memory is left', new RangeError('Array buffer allocation failed')],
  ])('fails if %s, and makes no error rows for that', async (_, failure) => {
    const lm = { ...fakeLm(), run: async () => Promise.reject(failure) }
    const rows: Row[] = []
    const read = async () => {
      for await (const row of generate(promptsOf(['a', 'b', 'c']), args({ k: 5 }), fakeModels(lm), { concurrency: 2 }))
        rows.push(row)
    }
    await expect(read()).rejects.toThrow(failure)
    expect(rows).toEqual([])
  })
  it('records its settings and models', () => {
    const hashes = { lm: { path: 'lm', sha256: 'aa' }, 'reward fake': { path: 'rm', sha256: 'bb' } }
    const { meta } = generate(
      promptsOf([]),
      args(),
      { ...fakeModels(), hashes },
      { seed: 3, stop: ['x'], spec: { template: 'hh' } },
    )
    expect(meta).toEqual({
      version,
      seed: 3,
      models: hashes,
      spec: {
        template: 'hh',
        decoder: args()({
          lm: null as never,
          lms: new Map(),
          rewards: new Map(),
          reward: { name: 'fake', score: () => NEVER, value: () => NEVER },
        }).spec,
        rewards: ['fake'],
        maxNewTokens: 128,
        samples: 1,
        stop: ['x'],
        trace: false,
      },
    })
  })
  it.each<[GenerateOptions, string]>([
    [{ maxNewTokens: 0 }, 'Expected `maxNewTokens` to be an integer >= 1, got `0` (number)'],
    [{ samples: 1.5 }, 'Expected `samples` to be an integer >= 1, got `1.5` (number)'],
    [{ seed: -1 }, 'Expected `seed` to be an integer from 0 to 9007199254740991, got `-1` (number)'],
    [{ concurrency: 0 }, 'Expected `concurrency` to be an integer >= 1, got `0` (number)'],
    [{ stop: [''] }, 'Expected `stop` to be a list of non-empty strings, got `` (string)'],
    [{ temperature: 1 } as never, 'Unknown option `temperature`'],
  ])('refuses %j', (options, message) => {
    expect(() => generate(promptsOf([]), args(), fakeModels(), options)).toThrow(OptionError)
    expect(() => generate(promptsOf([]), args(), fakeModels(), options)).toThrow(message)
  })
  it('refuses a decoder without its reward, or with a need beyond the model', () => {
    expect(() => generate(promptsOf([]), args(), fakeModels(fakeLm(), []))).toThrow(/Expected `reward` to be a reward/)
    const poor = fakeModels({ ...fakeLm(), capabilities: { all: false, maxTop: 20, hiddenStates: false, unit: 'logprob' } })
    expect(() => generate(promptsOf([]), nucleus(), poor)).toThrow(
      'The decoder `temperature → topP → sampleTemperature` needs the logits of all tokens, but the language model returns only the top 20',
    )
    expect(() => generate(promptsOf([]), topKSampling(), poor)).toThrow(
      'needs the logits of the top 40 tokens, but the language model returns at most 20',
    )
    expect(() => generate(promptsOf([]), args(), poor)).not.toThrow()
  })
  it.each([
    [undefined, { own: 1 }],
    [true, { own: 1 }],
    [false, undefined],
  ])('keeps the columns of prompts by `keepInput`: %s', async (keepInput, input) => {
    const prompts = [{ id: 'a', content: { text: 'a' }, input: { own: 1 } }]
    const [row] = await run(prompts, { keepInput })
    expect(row?.input).toEqual(input)
    const [plain] = await run(['a'], { keepInput })
    // Columns that a row does not keep do not change it.
    expect(row?.promptHash === plain?.promptHash).toBe(keepInput === false)
    expect(generate(promptsOf([]), args(), fakeModels(), { keepInput }).meta.spec.keepInput).toBe(keepInput)
  })
  it('refuses `keepInput` in `spec`', () => {
    const misplaced = () => generate(promptsOf([]), args(), fakeModels(), { spec: { keepInput: true } })
    expect(misplaced).toThrow('Expected `keepInput` as an option of its own, got it in `spec`')
  })
  it('runs twice over a source that can be read twice', async () => {
    const source = { [Symbol.asyncIterator]: () => promptsOf(['a']) }
    const again = generate(source, args({ k: 3 }), fakeModels(), { maxNewTokens: 2 })
    expect(settled(await rowsOf(again))).toEqual(settled(await rowsOf(again)))
  })
  it('decodes 3,000 steps', async () => {
    const rows = await run(['a'], { decoder: greedy(), models: fakeModels(fakeLm(), []), maxNewTokens: 3000 })
    expect(rows).toMatchObject([{ completionTokens: 3000, error: null }])
  })
  it('gives the same rows by rows()', async () => {
    const rows = generate(promptsOf(['a', 'b', 'c']), args({ k: 3 }), fakeModels(), { maxNewTokens: 2, concurrency: 1 }).rows()
    expect(
      (
        await lastValueFrom(
          rows.pipe(
            map(({ id }) => id),
            toArray(),
          ),
        )
      ).join(),
    ).toBe('p1,p2,p3')
  })
})
