import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readParquet } from '../../../src/io/parquet/readParquet.js'
import { runMeta } from '../../../src/io/parquet/runMeta.js'
import { parquetFiles } from '../../../src/io/readRows.js'
import { modelFolder } from '../../../src/models/modelFolder.js'
import { recordedPath } from '../../../src/models/recordedPath.js'
import { finished, lm, root, rxargs, started } from '../cli/rxargs.js'

let folder: string
let out: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-readable-'))
  out = join(folder, 'out')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const lines = (...rows: unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

describe('the models of a run', () => {
  it('are recorded independently of the working directory', async () => {
    expect(await recordedPath(relative(process.cwd(), `${root}data/models/chat-lm`))).toBe('embedded:chat-lm')
    expect(await recordedPath(`${root}data/models/../models/chat-rm/`)).toBe('embedded:chat-rm')
    expect(await modelFolder('embedded:chat-lm')).toBe(join(root, 'data/models/chat-lm'))
    expect(await recordedPath(relative(process.cwd(), lm))).toBe(lm)
    expect(await recordedPath('some-org/some-model@main')).toBe('some-org/some-model@main')
    expect(await recordedPath('some-org/some-model:a.gguf')).toBe('some-org/some-model:a.gguf')
    expect(await recordedPath(`org/base:a.gguf+${relative(process.cwd(), lm)}`)).toBe(`org/base:a.gguf+${lm}`)
  })

  it('can be embedded models by name', async () => {
    const models = ['--lm', 'embedded:chat-lm', '--reward', 'embedded:judge-rm']
    const { code } = await rxargs(['generate', ...models, '--max-new-tokens', '3', '-o', out], lines({ id: 'a', prompt: 'Hi' }))
    expect(code).toBe(0)
    const [file] = await parquetFiles(out)
    const { models: recorded } = runMeta((await readParquet(file!)).metadata)!
    expect(Object.entries(recorded).map(([role, { path }]) => [role, path])).toEqual([
      ['lm', 'embedded:chat-lm'],
      ['reward judge-rm', 'embedded:judge-rm'],
    ])
  })

  it.each([
    ['embedded ones', []],
    ['relative folders', ['--lm', 'data/golden/grouped/lm', '--reward', 'data/golden/grouped/reward']],
  ])('are found by why and report from another working directory: %s', async (_, models) => {
    const input = join(folder, 'in.jsonl')
    await writeFile(input, lines({ id: 'a', prompt: '\n\nHuman: Hi\n\nAssistant:' }))
    const here = [
      'generate',
      input,
      ...models.map((each) => (each.startsWith('--') ? each : relative(process.cwd(), root + each))),
    ]
    expect((await rxargs([...here, '--max-new-tokens', '3', '--trace', '-o', out])).code).toBe(0)
    const [file] = await parquetFiles(out)
    const meta = runMeta((await readParquet(file!)).metadata)
    expect(meta!.models.lm!.path).toBe(models.length === 0 ? 'embedded:chat-lm' : lm)
    const why = await finished(started(['why', 'out', 'a'], folder))
    expect(why).toMatchObject({ code: 0, stderr: '' })
    const report = await finished(started(['report', 'out', '-o', 'report.html', '--no-encoder'], folder))
    expect(report.code).toBe(0)
    expect(report.stderr).not.toContain('by their ids')
  })
})
