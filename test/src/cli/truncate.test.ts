import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { tempFolder } from '../../tempFolder.js'
import { jsonl, lines, rxargs, tiny } from './rxargs.js'

let out: string
tempFolder((path) => {
  out = join(path, 'out')
})

describe('prompts that are too long', () => {
  it('lose their beginning on request, and the run counts them', async () => {
    const input = lines({ id: 'a', prompt: 'far too long for the limit' }, { id: 'b', prompt: 'ok' })
    const limited = ['generate', ...tiny, '--max-prompt-tokens', '6']
    const refused = await rxargs(limited, input)
    expect(refused.stderr).toMatch(/1 of 2 rows is an error row:\n {2}1: `a`: The prompt has \d+ tokens, the limit is 6\n/)
    const { stderr, stdout, code } = await rxargs([...limited, '--truncate', 'left'], input)
    expect(stderr).toContain(
      '1 row: the prompt was too long and lost its first tokens (--truncate left); `truncated_tokens` has the counts\n',
    )
    expect(code).toBe(0)
    const [a, b] = jsonl(stdout).sort((one, other) => (String(one.id) < String(other.id) ? -1 : 1))
    expect(a).toMatchObject({ prompt_tokens: 6, truncated_tokens: expect.any(Number) })
    expect(b).toMatchObject({ truncated_tokens: null })
  })

  it('are readable by why after truncation', async () => {
    const input = lines({ id: 'a', prompt: 'far too long for the limit of café tokens' })
    await rxargs(['generate', ...tiny, '--max-prompt-tokens', '9', '--truncate', 'left', '--trace', '-o', out], input)
    const { stderr, code } = await rxargs(['why', out, 'a'])
    expect([code, stderr]).toEqual([0, ''])
  })

  it('are refused with an invalid limit', async () => {
    expect((await rxargs(['generate', ...tiny, '--truncate', 'right'], '')).stderr).toContain(
      'Expected `--truncate` to be one of error, left',
    )
    expect((await rxargs(['generate', ...tiny, '--max-prompt-tokens', '0'], '')).stderr).toContain(
      'Expected `--max-prompt-tokens` to be',
    )
  })
})
