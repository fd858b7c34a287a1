import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { finished, lm, started } from './rxargs.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-modules-'))
  await writeFile(join(folder, 'in.jsonl'), '{"id":"a","prompt":"a"}\n{"id":"b","prompt":"b"}\n')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const REWARD = (sign: string) => `export default (text) => ${sign}text.length\n`
const OPERATORS = (k: number) => `
import { greedy } from '${new URL('../../../dist/src/index.js', import.meta.url).href}'
export const decoders = { mine: { make: () => greedy() } } // ${k}
`

/** A new process each time, because a process loads a module once. */
const decode = (flags: readonly string[]) =>
  finished(
    started(['generate', join(folder, 'in.jsonl'), '--lm', lm, '--max-new-tokens', '2', '-o', join(folder, 'out'), ...flags]),
  )

describe('a run whose module has changed', () => {
  it.each<[string, string, (version: number) => string, (path: string) => string[], string]>([
    ['reward', 'mine.mjs', (version) => REWARD(version === 1 ? '' : '-'), (path) => ['--reward', `r=${path}`], 'model reward r'],
    ['decoder', 'ops.mjs', OPERATORS, (path) => ['--use', path, '--decoder', 'mine', '--reward', 'length(target=5)'], 'use.'],
  ])('does not resume: a %s', async (_, name, code, flags, option) => {
    const path = join(folder, name)
    await writeFile(path, code(1))
    expect(await decode(flags(path))).toMatchObject({ code: 0 })
    expect(await decode(flags(path))).toMatchObject({ code: 0, stderr: expect.stringContaining('already holds all 2 rows') })
    await writeFile(path, code(2))
    const { code: exit, stderr } = await decode(flags(path))
    expect(exit).toBe(1)
    expect(stderr).toContain(`holds rows made with \`${option}`)
    expect((await decode([...flags(path), '--force'])).code).toBe(0)
  })
})
