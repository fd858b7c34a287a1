import { describe, expect, it } from 'vitest'
import { type PromptOptions, toPrompt } from '../../../src/io/prompts/toPrompt.js'

const from = (values: Record<string, unknown>, options?: PromptOptions) =>
  toPrompt({ place: 'a.jsonl:7', where: 'data/a.jsonl:7', values }, options)
const messages = [{ role: 'user', content: 'Hi' }]

describe('toPrompt', () => {
  it("uses the row's id, a number as text, or file and row number", () => {
    expect(from({ prompt: 'x', id: 'own' }).id).toBe('own')
    expect(from({ prompt: 'x', id: 12 }).id).toBe('12')
    expect(from({ prompt: 'x', id: 12345678901234567890n }).id).toBe('12345678901234567890')
    expect(from({ prompt: 'x', id: null }).id).toBe('a.jsonl:7')
    expect(from({ prompt: 'x' })).toEqual({ id: 'a.jsonl:7', place: 'a.jsonl:7', content: { text: 'x' } })
  })

  it("passes the row's settings on, with Parquet integers as numbers", () => {
    const values = { pipeline: 'greedy', weight: 0.5, k: 3n, temperature: null, seed: 0, max_new_tokens: 9n }
    expect(from({ prompt: 'x', ...values }).overrides).toEqual({
      pipeline: 'greedy',
      weight: 0.5,
      k: 3,
      seed: 0,
      maxNewTokens: 9,
    })
    expect(from({ prompt: 'x', weights: 2 })).not.toHaveProperty('overrides')
  })

  it.each([
    ['maxNewTokens', 'max_new_tokens'],
    ['max-new-tokens', 'max_new_tokens'],
    ['maxPromptTokens', 'max_prompt_tokens'],
    ['chatTemplateKwargs', 'chat_template_kwargs'],
  ])('refuses the column %s, which sets nothing', (column, own) => {
    const error = `data/a.jsonl:7: Expected \`${own}\` as the name of a column, got \`${column}\``
    expect(from({ prompt: 'x', [column]: 5 })).toEqual({ id: 'a.jsonl:7', place: 'a.jsonl:7', error })
    expect(from({ prompt: 'x', [column]: null })).not.toHaveProperty('error')
  })

  it.each<[string, PromptOptions['template'], Record<string, unknown>, object]>([
    ['auto takes a prompt as it is', 'auto', { prompt: ' x ' }, { content: { text: ' x ' } }],
    ['auto hands messages on', 'auto', { messages }, { content: { messages } }],
    ['auto prefers messages', 'auto', { messages, prompt: 'x' }, { content: { messages } }],
    ['auto reads messages in the prompt', 'auto', { prompt: messages }, { content: { messages } }],
    ['auto ignores messages that are null', 'auto', { messages: null, prompt: 'x' }, { content: { text: 'x' } }],
    ['none takes a prompt as it is', 'none', { messages, prompt: 'x' }, { content: { text: 'x' } }],
    [
      'hh wraps it and stops at the next turn',
      'hh',
      { prompt: 'x' },
      { content: { text: '\n\nHuman: x\n\nAssistant:' }, stop: ['\n\nHuman:'] },
    ],
    ['hh keeps the own stops', 'hh', { prompt: 'x', stop: '.' }, { stop: ['.', '\n\nHuman:'] }],
    ['chat makes it a message', 'chat', { prompt: 'x' }, { content: { messages: [{ role: 'user', content: 'x' }] } }],
  ])('%s', (_, template, values, expected) => expect(from(values, { template })).toMatchObject(expected))

  it('reads the given column and prefers it to messages', () => {
    expect(from({ question: 'x', messages, prompt: 'y' }, { promptColumn: 'question' }).content).toEqual({ text: 'x' })
    expect(from({ messages }, { promptColumn: 'messages' }).content).toEqual({ messages })
  })

  it('keeps all keys of messages in order', () => {
    const named = [{ ...messages[0], name: 'n', tool_calls: [{ function: { name: 'f', arguments: { city: 'Bern' } } }] }]
    expect(JSON.stringify(from({ messages: named }).content)).toBe(
      '{"messages":[{"role":"user","content":"Hi","name":"n","tool_calls":[{"function":{"name":"f","arguments":{"city":"Bern"}}}]}]}',
    )
  })

  it('accepts one or several stop strings', () => {
    expect(from({ prompt: 'x', stop: '.' }).stop).toEqual(['.'])
    expect(from({ prompt: 'x', stop: ['.', '\n'] }).stop).toEqual(['.', '\n'])
    expect(from({ prompt: 'x', stop: null }).stop).toBeUndefined()
  })

  it('passes the columns on with keepInput', () => {
    expect(from({ prompt: 'x', topic: 1 }, { keepInput: true }).input).toEqual({ prompt: 'x', topic: 1 })
    expect(from({ prompt: '', topic: 1 }, { keepInput: true })).toMatchObject({ error: expect.any(String), input: { topic: 1 } })
  })

  it.each<[Record<string, unknown>, string, PromptOptions?]>([
    [{}, 'Expected `prompt` to be text that is not empty, got nothing'],
    [{ prompt: null }, 'Expected `prompt` to be text that is not empty, got nothing'],
    [{ prompt: '' }, 'Expected `prompt` to be text that is not empty, got `` (string)'],
    [{ prompt: 5 }, 'Expected `prompt` to be text that is not empty, got `5` (number)'],
    [{ prompt: ['a'] }, 'Expected message 1 of `prompt` to be an object, got `a` (string)'],
    [{ prompt: new Uint8Array(1) }, 'got bytes that are not UTF-8'],
    [{ prompt: 'a\ud800' }, 'Expected `prompt` to be well-formed text'],
    [{ prompt: 'x' }, 'Expected `q` to be text that is not empty, got nothing', { promptColumn: 'q' }],
    [{ messages: [] }, 'Expected `messages` to be a list of messages'],
    [{ messages: 'x' }, 'Expected `messages` to be a list of messages'],
    [{ messages: [{ role: 'user' }] }, 'Expected `content` of message 1 of `messages` to be text, got nothing'],
    [{ messages }, 'got nothing; messages are read with the template auto', { template: 'none' }],
    [{ prompt: 'x', stop: '' }, 'Expected `stop` to be text or a list of texts'],
    [{ prompt: 'x', stop: [1] }, 'Expected `stop` to be text or a list of texts'],
    [{ prompt: 'x', id: true }, 'Expected `id` to be text, a number or a date, got `true` (boolean)'],
    [{ prompt: 'x', id: '' }, 'Expected `id` to be text, a number or a date, got `` (string)'],
  ])('%o is an error: %s', (values, message, options) => {
    const prompt = from(values, options)
    expect(prompt.content).toBeUndefined()
    expect(prompt.error).toContain(message)
    expect(prompt.error).toMatch(/^data\/a\.jsonl:7: Expected /)
  })

  it('keeps the id of a row with another error', () => {
    expect(from({ id: 'own', prompt: '' }).id).toBe('own')
    expect(from({ id: [], prompt: '' }).id).toBe('a.jsonl:7')
  })
})
