import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Message } from '../../../../../src/core/text/conversation.js'
import { chatTemplate } from '../../../../../src/models/checkpoint/template/chatTemplate.js'

/** What test/reference/make_templates.py writes; its head describes the fields. */
type Case = Readonly<{ name: string; template: string; messages: Message[] } & ({ text: string } | { error: string })>

const { cases } = JSON.parse(readFileSync(join(import.meta.dirname, 'chatTemplates.json'), 'utf8')) as { cases: Case[] }
const specialTokens = new Map([
  ['bos_token', '<s>'],
  ['eos_token', '</s>'],
])
const options = { others: [], specialTokens, folder: 'm', now: () => new Date() }

describe.each([...new Set(cases.map(({ name }) => name))])('a template with %s', (name) => {
  it.each(cases.filter((one) => one.name === name).map((one) => [one.messages.map(({ role }) => role).join(', '), one] as const))(
    'renders %s as transformers does',
    (_, one) => {
      const render = chatTemplate({ ...options, source: one.template })
      if ('text' in one) expect(render(one.messages)).toBe(one.text)
      else expect(() => render(one.messages)).toThrow(`The chat template of m refuses the messages: ${one.error}`)
    },
  )
})

it('gives up on a template that never ends', () => {
  const source = '{% set all = range(90000) %}{% for a in all %}{% for b in all %}{% endfor %}{% endfor %}'
  const endless = chatTemplate({ ...options, source, timeoutMs: 50 })
  expect(() => endless([])).toThrow(/cannot be rendered: it did not end within 50 ms/)
})

describe('a template that is late', () => {
  /** Never ends the first time, as if the machine had been busy with others. */
  const late = (workedMs: () => number) => {
    let asked = 0
    const now = (): Date => {
      if (asked++ === 0) for (;;);
      return new Date(0)
    }
    return {
      render: chatTemplate({ ...options, source: "{{ strftime_now('%Y') }}", now, timeoutMs: 30, workedMs }),
      asked: () => asked,
    }
  }

  it('is rendered again if the process could hardly work in that time', () => {
    const { render, asked } = late(() => 0)
    expect(render([])).toBe('1970')
    expect(asked()).toBe(2)
  })

  it('fails if the process worked all the time', () => {
    let worked = 0
    const { render, asked } = late(() => (worked += 30))
    expect(() => render([])).toThrow('it did not end within 30 ms')
    expect(asked()).toBe(1)
  })
})

describe('what a template sees', () => {
  const render = chatTemplate({
    ...options,
    source: '{{ messages|tojson }} {{ tools }} {{ documents }} {{ mood }} {{ bos_token }}',
    toolSource: 'with {{ tools|length }}',
  })

  it('is messages without keys that are null, and reasoning under the names that templates read', () => {
    const messages = [{ role: 'assistant', content: 'x', tool_calls: null, reasoning: 'why' }]
    expect(render(messages)).toBe(
      '[{"thinking": "why", "role": "assistant", "content": "x", "reasoning": "why", "reasoning_content": "why"}] None None  <s>',
    )
  })

  it('is the variables of the row, which go before special tokens, and the template for tools where there are some', () => {
    expect(render([], { chatTemplateKwargs: { mood: 1, bos_token: '<b>' } })).toBe('[] None None 1 <b>')
    expect(render([], { tools: [{ name: 'f' }] })).toBe('with 1')
  })

  it('is refused where it is no JSON', () => {
    expect(() => render([], { chatTemplateKwargs: { mood: (() => 1) as never } })).toThrow(/a function is not a JSON value/)
  })
})
