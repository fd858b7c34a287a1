import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readColumns } from '../../../../src/io/readRows.js'
import { tempFolder } from '../../../tempFolder.js'
import { lines, root, rxargs, tiny } from '../rxargs.js'

let out: string
tempFolder((path) => {
  out = join(path, 'out')
})

const chat = ['--lm', `${root}data/models/chat-lm`, '--reward', `${root}data/models/chat-rm`, '--max-new-tokens', '4']
const messages = [
  { role: 'user', content: 'Hello' },
  { role: 'assistant', content: 'Hi!' },
  { role: 'user', content: 'How do I\nmake bread?' },
]

describe('rows on stdout', () => {
  it("are readable text: the user's message, the reply, the reward", async () => {
    const input = lines({ id: 'a', messages }, { id: 'b', prompt: 'Plain' })
    const { stdout, code } = await rxargs(['generate', ...chat, '--concurrency', '1', '--text'], input)
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^== a, reward -?\d+\.\d{3}, cut off by --max-new-tokens or the context\nHow do I\nmake bread\?\n--\n.+\n\n== b, reward .*\nPlain\n--\n/s,
    )
    expect(stdout).not.toContain('<|begin|>')
    await rxargs(['generate', ...chat, '--concurrency', '1', '-o', out], input)
    expect((await rxargs(['cat', out, '--text'])).stdout).toBe(stdout)
  })

  it('show a plain prompt without its template', async () => {
    const { stdout } = await rxargs(
      ['generate', ...tiny, '--template', 'hh', '--text'],
      lines({ id: 'a', prompt: 'Hi\u001b[31m' }),
    )
    expect(stdout).toMatch(/^== a, .*\nHi\[31m\n--\n/)
  })

  it('have the requested columns in order', async () => {
    const input = lines({ id: 'a', prompt: 'Hi' }, { id: 'b' }, { id: 'c', prompt: 'Ho' })
    const { stdout } = await rxargs(['generate', ...tiny, '--columns', 'finish_reason,id'], input)
    const rows = stdout.trimEnd().split('\n').sort()
    expect(rows).toHaveLength(3)
    expect(rows[0]).toBe('{"finish_reason":"error","id":"b"}')
    await rxargs(['generate', ...tiny, '-o', out], input)
    expect((await rxargs(['cat', out, '--columns', 'finish_reason,id'])).stdout.trimEnd().split('\n').sort()).toEqual(rows)
  })

  it.each([
    [['--text', '--columns', 'id'], 'Expected `--text` or `--columns`, got both'],
    [['--text', '-o', 'x'], '`--text` formats rows on stdout, so it takes no `--output`'],
    [['--columns', 'id,'], 'Expected `--columns` to be text, got nothing'],
  ])('are refused as %j', async (flags, message) => {
    const { code, stderr } = await rxargs(['generate', ...tiny, ...flags], lines({ prompt: 'a' }))
    expect(stderr).toContain(message)
    expect(code).toBe(2)
  })

  it('are refused for an unknown column, with the known names', async () => {
    const { code, stderr } = await rxargs(['generate', ...tiny, '--columns', 'id,topic'], lines({ prompt: 'a' }))
    expect(stderr).toMatch(/Expected columns of these rows \(id, sample, prompt, .*\), got `topic`/)
    expect(code).toBe(2)
    await rxargs(['generate', ...tiny, '-o', out], lines({ prompt: 'a' }))
    expect((await rxargs(['cat', out, '--columns', 'topic'])).stderr).toMatch(/Expected columns of .*out \(id, .*, got `topic`/)
    for (const condition of ['error = "topic"', 'topic = error'])
      expect((await rxargs(['cat', out, '--where', condition])).stderr).toMatch(
        /^rxargs: Expected columns of .*out \(id, .*\), got `topic`; a text in `--where` has single quotes: 'topic'\n$/,
      )
  })
})

describe('the table after a run', () => {
  it("shows the user's last message, not the rendered prompt", async () => {
    const { stdout } = await rxargs(['generate', ...chat, '-o', out], lines({ id: 'a', messages }))
    expect(stdout.split('\n')[2]).toMatch(/^How do I make bread\? +(?!error)/)
    const rows: unknown[] = []
    for await (const row of readColumns(out, ['user_message'])) rows.push(row)
    expect(rows).toEqual([{ user_message: 'How do I\nmake bread?' }])
  })
})
