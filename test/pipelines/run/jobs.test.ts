import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { args } from '../../../pipelines/decoders/args.js'
import { greedy } from '../../../pipelines/decoders/greedy.js'
import { textReward } from '../../../pipelines/rewards/textReward.js'
import { type GenerateOptions, generate } from '../../../pipelines/run/generate.js'
import { jobs, type StartOptions, startOf } from '../../../pipelines/run/jobs.js'
import type { TextCodec } from '../../../src/core/model.js'
import type { Prompt } from '../../../src/core/prompt.js'
import type { Models } from '../../../src/core/run.js'
import type { PromptContent } from '../../../src/core/text/conversation.js'
import { loadCodec } from '../../../src/models/checkpoint/tokenizer/loadCodec.js'
import { charCodec, fakeLm, fakeModels, fakeRm, promptsOf, rowsOf, settled } from '../../fakes.js'

let codec: TextCodec
beforeAll(async () => {
  codec = await loadCodec(fileURLToPath(new URL('../../../data/models/chat-lm', import.meta.url)))
})

const started = (content: PromptContent, options: Partial<StartOptions> = {}) =>
  startOf(
    { prompt: { id: 'p', content }, sample: 0 },
    { codec, seed: 0, maxNewTokens: 8, maxPromptTokens: undefined, truncate: 'error', contextLength: 64, ...options },
  )

const long = { text: 'Tell me about the bread that you baked on a long and rainy day in the old house by the sea. '.repeat(4) }
const chat = {
  messages: ['One long message after another', 'Sure', 'And so it went on'].map((content) => ({ role: 'user', content })),
}

describe('a prompt that is too long', () => {
  it('is an error that names the limit', () => {
    expect(() => started({ text: 'one two three four' }, { maxPromptTokens: 3 })).toThrow(
      /^The prompt has \d+ tokens, the limit is 3$/,
    )
    const { start } = started({ text: 'one two three four five six seven eight nine' })
    const tokens = start.promptTokenIds.length
    expect(() => started({ text: 'one two three four five six seven eight nine' }, { contextLength: tokens + 3 })).toThrow(
      `The prompt has ${tokens} tokens, the limit is ${tokens - 5}: the context of ${tokens + 3} minus 8 new tokens`,
    )
    expect(() => started(long)).toThrow(/^The prompt has \d+ tokens and leaves no room in the context of 64$/)
  })

  it.each([
    ['text', long, true],
    ['messages', chat, false],
  ] as const)('loses its first tokens, not BOS: %s', (_, content, special) => {
    const text = 'text' in content ? content.text : codec.render(content.messages)
    const whole = codec.encode(text, special)
    fc.assert(
      fc.property(fc.integer({ min: 2, max: whole.length + 3 }), (limit) => {
        const {
          start,
          text: kept,
          truncatedTokens,
        } = started(content, { maxPromptTokens: limit, truncate: 'left', contextLength: 1024 })
        const { promptTokenIds, prompt } = start
        if (limit >= whole.length) {
          expect([promptTokenIds, truncatedTokens, prompt, kept]).toEqual([whole, 0, content, text])
          return
        }
        expect(promptTokenIds).toEqual([whole[0], ...whole.slice(whole.length - limit + 1)])
        expect(truncatedTokens).toBe(whole.length - limit)
        // Rewards over text read the text of the remaining tokens.
        expect(prompt).toEqual({ text: kept })
        expect(text.endsWith(kept)).toBe(true)
      }),
    )
  })

  it('may have the context minus the new tokens, unless a limit is set', () => {
    const length = (options: Partial<StartOptions>) => started(long, { truncate: 'left', ...options }).start.promptTokenIds.length
    expect(length({})).toBe(56)
    expect(length({ maxNewTokens: 20 })).toBe(44)
    expect(length({ maxPromptTokens: 60 })).toBe(60)
    expect(length({ maxPromptTokens: 63 })).toBe(63)
    expect(length({ maxPromptTokens: 4096 })).toBe(63)
  })

  it('is an error if only BOS would be left, or if new tokens fill the context', () => {
    expect(() => started(long, { truncate: 'left', maxPromptTokens: 1 })).toThrow('leaves no room after the 1 that')
    expect(() => started(long, { truncate: 'left', maxNewTokens: 64 })).toThrow(
      'Expected `maxNewTokens` to be below the context of 64 tokens',
    )
  })
})

describe('generate', () => {
  const run = async (prompts: readonly (string | Prompt)[], options: GenerateOptions, models: Models = fakeModels()) =>
    settled(await rowsOf(generate(promptsOf(prompts), args({ k: 3 }), models, { maxNewTokens: 4, ...options })))

  it('records the number of dropped tokens, and decodes the rest', async () => {
    const [cut, short] = await run(['much too long', 'long'], { maxPromptTokens: 4, truncate: 'left' })
    expect(cut).toMatchObject({ prompt: 'long', promptTokens: 4, truncatedTokens: 9, error: null })
    expect(short).not.toHaveProperty('truncatedTokens')
    expect(cut!.tokenIds).toEqual(short!.tokenIds)
  })

  it('reads both settings from a row, too', async () => {
    const content = { text: 'much too long' }
    const rows = await run(
      [
        { id: 'a', content, overrides: { maxPromptTokens: 4, truncate: 'left' } },
        { id: 'b', content, overrides: { maxPromptTokens: 4 } },
        { id: 'c', content, overrides: { truncate: 'right' } },
        { id: 'd', content, overrides: { maxPromptTokens: 0 } },
      ],
      {},
    )
    expect(rows.map(({ truncatedTokens, error }) => truncatedTokens ?? error)).toEqual([
      9,
      'The prompt has 13 tokens, the limit is 4',
      'c: Column `truncate`: Expected `truncate` to be one of error, left, got `right` (string)',
      'd: Column `max_prompt_tokens`: Expected `maxPromptTokens` to be an integer >= 1, got `0` (number)',
    ])
  })

  it('gives rewards over text or other tokens the remaining text', async () => {
    const seen = new Set<string>()
    const reward = textReward('mine', (text, _, { prompt }) => {
      seen.add(prompt)
      return text.length
    })
    const other = fakeRm({ codec: charCodec('others'), name: 'other', contextLength: 8 })
    const options = { maxPromptTokens: 4, truncate: 'left' } as const
    const [row] = await run(['much too long'], options, fakeModels(fakeLm(), [reward, other]))
    expect([...seen]).toEqual(['long'])
    expect(row!.error).toBeNull()
    // The reward model has its own context limit. A text beyond it is an error that names the model.
    const [over] = await run(['much too long'], {}, fakeModels(fakeLm(), [other]))
    expect(over!.error).toMatch(/Reward `other` has a context of 8 tokens/)
  })

  it('records the limits in the run', () => {
    const spec = (options: GenerateOptions) => generate(promptsOf([]), greedy(), fakeModels(), options).meta.spec
    expect(spec({})).not.toHaveProperty('truncate')
    expect(spec({ maxPromptTokens: 9, truncate: 'left' })).toMatchObject({ maxPromptTokens: 9, truncate: 'left' })
  })
})

it('gives a second prompt with an id a free name, even if its place is taken, too', async () => {
  const twice = { id: 'in.jsonl:2', place: 'in.jsonl:2', content: { text: 'x' } }
  const ids: string[] = []
  for await (const { prompt } of jobs(promptsOf([{ ...twice, place: 'in.jsonl:1' }, twice]), { samples: 1 })) ids.push(prompt.id)
  expect(ids).toEqual(['in.jsonl:2', 'in.jsonl:2 (2)'])
})
