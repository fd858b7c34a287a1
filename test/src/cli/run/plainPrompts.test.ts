import { describe, expect, it } from 'vitest'
import { plainPrompts } from '../../../../src/cli/run/plainPrompts.js'
import { TemplateError } from '../../../../src/core/errors.js'
import type { Prompt } from '../../../../src/core/prompt.js'
import type { Message } from '../../../../src/core/text/conversation.js'
import { rxargs } from '../rxargs.js'

const render = (messages: readonly Message[]) =>
  `<bos>${messages.map(({ content }) => `\n\nHuman: ${content}`).join('')}\n\nAssistant:`

async function said(contents: readonly Prompt['content'][], codec: Parameters<typeof plainPrompts>[2] = { render }) {
  async function* prompts(): AsyncGenerator<Prompt> {
    for (const [index, content] of contents.entries()) yield { id: String(index), ...(content && { content }) }
  }
  const notices: string[] = []
  let count = 0
  for await (const _ of plainPrompts(prompts(), { template: 'auto', dataset: undefined }, codec, (notice) =>
    notices.push(notice),
  ))
    count++
  expect(count).toBe(contents.length)
  return notices
}

describe('plainPrompts', () => {
  it('names the first plain prompt, once', async () => {
    const open = { text: '\n\nHuman: Hi\n\nAssistant: ' }
    expect(await said([open, { text: 'Hi' }, { text: 'there' }])).toEqual([
      expect.stringMatching(/^Prompt `1` bypasses the chat template/),
    ])
  })

  it("ignores prompts in the template's form, messages and broken prompts", async () => {
    expect(await said([{ text: render([]) }, { messages: [{ role: 'user', content: 'Hi' }] }, undefined])).toEqual([])
  })

  it('ignores models without a template, or with one that opens no reply or omits messages', async () => {
    const none = () => {
      throw new TemplateError('none')
    }
    expect(await said([{ text: 'Hi' }], { render: none })).toEqual([])
    expect(await said([{ text: 'Hi' }], { render: ([message]) => String(message!.content) })).toEqual([])
    expect(await said([{ text: 'Hi' }], { render: () => 'A BENCHMARK of mine' })).toEqual([])
  })
})

describe('rxargs generate', () => {
  it('warns on stderr, and is silent with another template', async () => {
    const line = '{"id":"a","prompt":"What is a good movie?"}\n'
    const run = (...flags: string[]) => rxargs(['generate', '--max-new-tokens', '2', ...flags], line)
    expect((await run()).stderr).toContain('Prompt `a` bypasses the chat template')
    for (const template of ['hh', 'chat', 'none']) expect((await run('--template', template)).stderr).not.toContain('passed on')
  })
})
