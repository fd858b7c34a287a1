import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { strayFiles } from '../../../src/io/strayFiles.js'
import { pair, root, rxargs } from '../cli/rxargs.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-stray-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const generate = (limit: number) =>
  rxargs([
    'generate',
    `${root}data/prompts/sample.jsonl`,
    ...pair,
    '--k',
    '2',
    '--limit',
    `${limit}`,
    '--max-new-tokens',
    '2',
    '-o',
    folder,
  ])

describe('strayFiles', () => {
  it('names Parquet files beside the parts of a run, and unfinished parts', async () => {
    for (const name of ['part-00000.parquet', 'part-1.parquet', 'copy.parquet', '.part-12.tmp', 'report.html'])
      await writeFile(join(folder, name), '')
    expect(await strayFiles(folder)).toEqual([
      `${folder}: copy.parquet, part-1.parquet are not read, because the parts of a run are named part-00000.parquet`,
      `${folder}: .part-12.tmp is unfinished, from a run that still writes or was killed`,
    ])
  })
  it('names nothing where all Parquet files are read, and in what is no folder', async () => {
    await writeFile(join(folder, 'copy.parquet'), '')
    expect(await strayFiles(folder)).toEqual([])
    expect(await strayFiles(join(folder, 'copy.parquet'))).toEqual([])
  })
})

describe('a folder with files that no run wrote', () => {
  it('is named by the run that goes on in it and by those who read it, and an unfinished part is removed', async () => {
    await generate(1)
    await copyFile(join(folder, 'part-00000.parquet'), join(folder, 'copy.parquet'))
    await writeFile(join(folder, '.part-12.tmp'), 'PAR1')
    const notice = `${folder}: copy.parquet is not read, because`
    const { code, stderr } = await generate(2)
    expect(code).toBe(0)
    expect(stderr).toContain(notice)
    expect(stderr).toContain(`${folder}: removed .part-12.tmp, an unfinished part of a run that was killed`)
    expect(await readdir(folder)).not.toContain('.part-12.tmp')
    for (const verb of [
      ['eval', folder],
      ['cat', folder],
    ])
      expect((await rxargs(verb)).stderr).toContain(notice)
    expect((await rxargs(['generate', folder, ...pair, '--k', '2', '--max-new-tokens', '2'])).stderr).toContain(notice)
  })
})
