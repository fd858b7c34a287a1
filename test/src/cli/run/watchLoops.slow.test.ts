import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { finished, jsonl, lm, root, rxargs, started } from '../rxargs.js'

const folder = mkdtempSync(join(tmpdir(), 'rxargs-loop-'))
const module = (name: string, body: string): string => {
  writeFileSync(join(folder, name), body)
  return join(folder, name)
}
const decoding = [`${root}data/prompts/sample.jsonl`, '--lm', lm, '--k', '2', '--max-new-tokens', '4', '--concurrency', '1']

describe('a reward module', () => {
  it.each([
    [
      'loops after an await',
      'let calls = 0\nexport default async () => {\n  await null\n  if (calls++ === 60) for (;;);\n  return 1\n}\n',
      4,
    ],
    [
      'loops in a timer',
      'let calls = 0\nexport default () => {\n  if (calls++ === 60) setTimeout(() => {\n    for (;;);\n  })\n  return 1\n}\n',
      4,
    ],
    ['loops while it loads', 'await null\nfor (;;);\n', 2],
    [
      'waits inside of Node',
      'export default async () => {\n  await null\n  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)\n}\n',
      3,
    ],
  ])(
    'that %s ends the run, which names file and line',
    async (name, body, line) => {
      const [path, out] = [module(`${name.replaceAll(' ', '')}.mjs`, body), join(folder, name.replaceAll(' ', ''))]
      const child = started(['generate', ...decoding, '--reward', path, '--reward-timeout', '500', '-o', out])
      const { code, stderr } = await finished(child)
      const said = stderr.split('\n').filter((text) => text.startsWith('rxargs: '))
      expect(said).toEqual([`rxargs: ${path}:${line} let nothing else run for 5.5 s: a module must not loop without end`])
      // In a timer of Node's, only the whole process can be stopped.
      expect(code).toBe(name === 'loops in a timer' ? null : 1)
      if (name !== 'loops after an await') return
      const rows = jsonl((await rxargs(['cat', out])).stdout)
      expect(rows.length).toBeGreaterThan(0)
    },
    90_000,
  )
})

describe('what a module prints', () => {
  it('goes to stderr, and stdout carries rows only', async () => {
    const printed = "import { stdout } from 'node:process'\nconsole.log('one')\nstdout.write('two\\n')\n"
    const path = module(
      'prints.mjs',
      `${printed}export default () => {\n  console.info('three')\n  process.stdout.write('four\\n')\n  return 1\n}\n`,
    )
    const { code, stdout, stderr } = await finished(started(['generate', ...decoding, '--limit', '2', '--reward', path]))
    expect(code).toBe(0)
    expect(jsonl(stdout)).toHaveLength(2)
    for (const word of ['one', 'two', 'three', 'four']) expect(stderr).toMatch(new RegExp(`^${word}$`, 'm'))
  })
})
