import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { finished, jsonl, lm, root, rxargs, started } from '../rxargs.js'

const folder = mkdtempSync(join(tmpdir(), 'rxargs-module-'))
const module = (name: string, body: string): string => {
  writeFileSync(join(folder, name), body)
  return join(folder, name)
}
/** A reward that misbehaves after enough calls for some rows to finish. */
const after = (deed: string): string => `let calls = 0\nexport default () => {\n  if (calls++ === 30) ${deed}\n  return 1\n}\n`

describe('a reward module', () => {
  it.each([
    ['throws in a timer', after('setTimeout(() => { throw new Error("late") }, 0)'), /:3 failed outside of its call, .*: late/],
    ['leaves a rejected promise', after('Promise.reject(new Error("alone"))'), /:3 failed outside of its call, .*: alone/],
    ['rejects with what is no error', after('Promise.reject("words")'), / failed outside of its call, .*: words/],
    ['calls process.exit', after('process.exit(0)'), /:3 called process\.exit\(0\)/],
    ['calls process.exit in a timer', after('setTimeout(() => process.exit(), 0)'), /:3 called process\.exit\(\)/],
    ['imports exit', `import { exit } from 'node:process'\n${after('exit(3)')}`, /:4 called process\.exit\(3\)/],
  ])(
    'that %s ends the run by name, and finished rows stay',
    async (name, body, message) => {
      const [path, out] = [module(`${name.replaceAll(/\W/g, '')}.mjs`, body), join(folder, `${name.replaceAll(/\W/g, '')}`)]
      const args = ['generate', `${root}data/prompts/sample.jsonl`, '--lm', lm, '--reward', path, '--k', '2']
      const { code, stderr } = await finished(started([...args, '--max-new-tokens', '4', '--concurrency', '1', '-o', out]))
      const said = stderr.split('\n').filter((line) => line.startsWith('rxargs: '))
      expect(said).toEqual([expect.stringMatching(message)])
      expect(said[0]).toContain(path)
      expect(code).toBe(1)
      const rows = jsonl((await rxargs(['cat', out])).stdout)
      expect(rows.length).toBeGreaterThan(0)
      expect(rows.length).toBeLessThan(40)
      expect(rows.map(({ finish_reason }) => finish_reason)).not.toContain('error')
    },
    30_000,
  )

  it('that never finishes loading is an error that names it', async () => {
    const path = module('waits.mjs', 'await new Promise(() => {})\nexport default () => 1\n')
    const child = started(['generate', `${root}data/prompts/sample.jsonl`, '--lm', lm, '--reward', path])
    expect(await finished(child)).toMatchObject({
      code: 1,
      stderr: `rxargs: ${path} waits for a promise that nothing will settle\n`,
    })
  }, 30_000)

  it('that ends the process on loading is an error, too', async () => {
    const path = module('early.mjs', 'process.exit(0)\nexport default () => 1\n')
    const child = started(['generate', `${root}data/prompts/sample.jsonl`, '--lm', lm, '--reward', path])
    expect(await finished(child)).toMatchObject({ code: 1, stderr: expect.stringContaining(`${path}:1 called process.exit(0)`) })
  }, 30_000)
})
