import { describe, expect, it } from 'vitest'
import { args } from '../../../pipelines/decoders/args.js'
import { checkedPrompt } from '../../../pipelines/run/checkedPrompt.js'
import { generate } from '../../../pipelines/run/generate.js'
import type { Prompt } from '../../../src/core/prompt.js'
import { fakeModels, rowsOf, settled } from '../../fakes.js'

const content = { text: 'x' }
const wrongContent = /^Expected `content` to be \{ text \} or \{ messages \}, each message with a `role`, got/

/** What programs without types give, and what its error row says. */
const wrong: readonly (readonly [string, unknown, string | RegExp])[] = [
  ['text', 'How?', 'Expected a prompt with an `id` that is text and not empty, got `How?`'],
  ['null', null, 'Expected a prompt with an `id` that is text and not empty, got `null`'],
  ['a number as id', { id: 5, content }, 'Expected a prompt with an `id` that is text and not empty, got `5`'],
  ['no content', { id: 'a' }, 'Expected a prompt with `content` or `tokenIds`, got neither'],
  ['a column of a file', { id: 'a', prompt: 'x' }, /^Unknown field `prompt` of a prompt; known: id, place, content, /],
  ['a misspelt field', { id: 'a', contents: content }, /^Unknown field `contents` of a prompt \(did you mean `content`\?\)/],
  ['a setting as a field', { id: 'a', content, maxNewTokens: 3 }, /^Unknown field `maxNewTokens` of a prompt/],
  ['text as content', { id: 'a', content: 'x' }, wrongContent],
  ['content that is empty', { id: 'a', content: {} }, wrongContent],
  [
    'an unknown field of content',
    { id: 'a', content: { messages: [{ role: 'user', content: 'x' }], system: 'y' } },
    'Unknown field `system` of `content`; known: messages, text, tools, chatTemplateKwargs',
  ],
  ['a number as text', { id: 'a', content: { text: 5 } }, wrongContent],
  ['text as messages', { id: 'a', content: { messages: 'x' } }, wrongContent],
  ['a message without a role', { id: 'a', content: { messages: [{ content: 'x' }] } }, wrongContent],
  ['a number as content of a message', { id: 'a', content: { messages: [{ role: 'user', content: 5 }] } }, wrongContent],
  ['text and messages', { id: 'a', content: { text: 'x', messages: [{ role: 'user', content: 'x' }] } }, wrongContent],
  ['text and tools', { id: 'a', content: { text: 'x', tools: [] } }, wrongContent],
  ['text as token ids', { id: 'a', tokenIds: 'x' }, 'Expected `tokenIds` to be a list of token ids, got `x` (string)'],
  [
    'text as stop strings',
    { id: 'a', content, stop: 'x' },
    'Expected `stop` to be a list of non-empty strings, got `x` (string)',
  ],
  [
    'text as settings',
    { id: 'a', content, overrides: 'x' },
    'Expected the options of `overrides` to be an object, got `x` (string)',
  ],
  [
    'an unknown setting',
    { id: 'a', content, overrides: { seeds: 1 } },
    /^Unknown option `seeds` of `overrides` \(did you mean `seed`\?\)/,
  ],
  [
    'text as columns',
    { id: 'a', content, input: 'x' },
    'Expected `input` to be an object with the columns to keep, got `x` (string)',
  ],
]

describe('a prompt from a program without types', () => {
  it.each(wrong)('is an error row that says what was expected, beside rows that finish: %s', async (_, prompt, error) => {
    const prompts = [prompt as Prompt, { id: 'good', content }]
    const rows = settled(await rowsOf(generate(prompts, args({ k: 2 }), fakeModels(), { maxNewTokens: 2 })))
    const [good, bad] = [rows.find(({ id }) => id === 'good'), rows.find(({ id }) => id !== 'good')]
    expect(good!.error).toBeNull()
    expect(bad).toMatchObject({ finishReason: 'error', completion: null })
    if (typeof error === 'string') expect(bad!.error).toContain(error)
    else expect(bad!.error).toMatch(error)
  })

  it('stays as it is if all its fields are right', () => {
    const right: Prompt[] = [
      { id: 'a', content },
      { id: 'a', content: { text: 'x', messages: undefined, ...{ tools: undefined, chatTemplateKwargs: undefined } } },
      {
        id: 'a',
        content: { messages: [{ role: 'user', content: 'x', name: 'ana' }], tools: [], chatTemplateKwargs: { deep: true } },
      },
      { id: 'a', content: { messages: [{ role: 'assistant', content: null, tool_calls: [] }] } },
      { id: 'a', content: { messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }] } },
      { id: 'a', tokenIds: [1], replyTokenIds: [2], place: 'a.jsonl:1', userMessage: 'x', input: { n: 1 } },
      { id: 'a', content, stop: ['x'], overrides: { k: 3, pipeline: 'greedy', maxNewTokens: 2 } },
    ]
    for (const prompt of right) expect(checkedPrompt(prompt, 1)).toBe(prompt)
  })
})
