import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Prompt } from '../../../src/core/prompt.js'
import { fromFile } from '../../../src/io/fromFile.js'
import { chatTemplate } from '../../../src/models/checkpoint/template/chatTemplate.js'
import { tempFolder } from '../../tempFolder.js'
import { query } from './duckdb.js'

let folder: string
tempFolder((path) => {
  folder = path
})

const calls =
  '{% for m in messages %}<{{m.role}}{% if m.name is defined %}:{{m.name}}{% endif %}>{% for t in m.tool_calls or [] %}[{{t.function.name}} {{t.function.arguments|tojson}}]{% endfor %}{% if m.reasoning_content is defined %}({{m.reasoning_content}}){% endif %}{{m.content}}{% endfor %}<a>'
const rendered = (prompt: Prompt, source: string) => {
  if (prompt.error !== undefined || !prompt.content?.messages) return prompt.error
  const render = chatTemplate({ source, others: [], specialTokens: new Map(), folder: 'm', now: () => new Date() })
  return render(prompt.content.messages, prompt.content)
}
const ofLine = async (line: string): Promise<Prompt> => {
  const file = join(folder, 'in.jsonl')
  await writeFile(file, line)
  for await (const prompt of fromFile(file)) return prompt
  throw new Error('no row')
}

describe('messages in a file', () => {
  it('reach the chat template with all keys', async () => {
    const call = '{"type":"function","function":{"name":"temp","arguments":{"city":"Bern"}}}'
    const line = `{"messages":[{"role":"user","content":"How warm?"},{"role":"assistant","content":"","reasoning_content":"ask","tool_calls":[${call}]},{"role":"tool","name":"temp","content":"22"}]}`
    expect(rendered(await ofLine(line), calls)).toBe('<user>How warm?<assistant>[temp {"city": "Bern"}](ask)<tool:temp>22<a>')
  })

  it('keep the order of keys and the text of numbers, as Python does', async () => {
    const json = '{"b":1,"2":22.0,"1":[1e2,12345678901234567890,-0,0.5],"__proto__":null}'
    const line = `{"messages":[{"role":"user","content":"x","data":${json}}]}`
    expect(rendered(await ofLine(line), '{{ messages[0].data|tojson }}')).toBe(
      '{"b": 1, "2": 22.0, "1": [100.0, 12345678901234567890, 0, 0.5], "__proto__": null}',
    )
  })

  it('have the tools and variables of their row', async () => {
    const line =
      '{"messages":[{"role":"user","content":"x"}],"tools":[{"name":"f"}],"chat_template_kwargs":{"enable_thinking":false}}'
    expect(rendered(await ofLine(line), '{{ tools|tojson }} {{ enable_thinking }}')).toBe('[{"name": "f"}] False')
    const own = '{"messages":[{"role":"user","content":"x"}],"chat_template_kwargs":{"add_generation_prompt":false}}'
    const prompt = await ofLine(own)
    expect(() => rendered(prompt, 'x')).toThrow(/`chat_template_kwargs` to hold variables .* got `add_generation_prompt`/)
  })

  it.each([
    ['{"messages":[{"content":"x"}]}', '`role` of message 1 of `messages` to be text'],
    [
      '{"messages":[{"role":"user","content":5}]}',
      '`content` of message 1 of `messages` to be text or a list of its parts, got `5`',
    ],
    [
      '{"messages":[{"role":"user","content":[{"type":"image","url":"u"}]}]}',
      '`content` of message 1 of `messages` to be text or a list of parts of the type `text`, got `{"type":"image","url":"u"}`',
    ],
    ['{"messages":[{"role":"assistant","tool_calls":"x"}]}', '`tool_calls` of message 1 of `messages` to be a list of objects'],
    ['{"messages":[{"role":"user","content":"x"}],"tools":"f"}', '`tools` to be a list of JSON schemas, got `f`'],
    ['{"messages":[{"role":"user","content":"x"}],"chat_template_kwargs":[1]}', '`chat_template_kwargs` to be an object'],
    ['{"prompt":"x","tools":[{"name":"f"}]}', 'messages beside `tools`, which is for a chat template'],
  ])('are an error row if they are invalid: %s', async (line, message) => {
    expect((await ofLine(line)).error).toContain(`in.jsonl:1: Expected ${message}`)
  })

  it('are the same from Parquet', async () => {
    const file = join(folder, 'in.parquet')
    await query(
      `copy (select [{role: 'user', content: 'x', n: 22.0::double, i: 3::bigint, calls: [{a: 1.0::double, b: 2}]}] as messages, {deep: 1.0::double, far: 1e21::double} as chat_template_kwargs) to '${file}' (format parquet)`,
    )
    for await (const prompt of fromFile(file))
      expect(rendered(prompt, '{{ messages|tojson }} {{ deep }} {{ far }}')).toBe(
        '[{"role": "user", "content": "x", "n": 22.0, "i": 3, "calls": [{"a": 1.0, "b": 2}]}] 1.0 1e+21',
      )
  })
})
