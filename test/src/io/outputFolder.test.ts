import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { OutputError } from '../../../src/core/errors.js'
import { checkOutput, checkOutputFile, makeFolder } from '../../../src/io/outputFolder.js'
import { pair, root, rxargs } from '../cli/rxargs.js'

const folder = mkdtempSync(join(tmpdir(), 'rxargs-output-'))
const file = join(folder, 'file')
writeFileSync(file, '')
const isLinux = process.platform === 'linux'
const prompts = `${root}data/prompts/sample.jsonl`

describe('makeFolder', () => {
  it('makes folders and returns them', async () => {
    const [outer, inner] = [join(folder, 'a'), join(folder, 'a', 'b')]
    expect(await makeFolder(inner)).toEqual([inner, outer])
    expect(await makeFolder(inner)).toEqual([])
  })
  it.each<readonly [string, RegExp]>([
    [file, /a file of that name is there/],
    [join(file, 'below'), /a file is in the way/],
    ['gs://bucket/run', /Expected a folder of this machine, got gs:\/\/bucket\/run$/],
    ['file:///run', /Expected a folder of this machine/],
    ...(isLinux ? [['/proc/x', /allows no folder there/] as const, ['/proc/x/y', /allows no folder there/] as const] : []),
  ])('refuses %s', async (path, message) => {
    await expect(makeFolder(path)).rejects.toThrow(OutputError)
    await expect(makeFolder(path)).rejects.toThrow(message)
  })
})

describe('checkOutput', () => {
  it('leaves nothing behind', async () => {
    await checkOutput(join(folder, 'new', 'run'))
    expect(existsSync(join(folder, 'new'))).toBe(false)
    mkdirSync(join(folder, 'there'))
    await checkOutput(join(folder, 'there'))
    expect(readdirSync(join(folder, 'there'))).toEqual([])
  })
  it('accepts a new folder that others find empty and remove', async () => {
    const path = join(folder, 'shared', 'new', 'run')
    let isOver = false
    const remove = async () => {
      while (!isOver) for (const empty of [path, dirname(path)]) await rmdir(empty).catch(() => undefined)
    }
    const removing = remove()
    try {
      for (let check = 0; check < 50; check++) await checkOutput(path)
    } finally {
      isOver = true
      await removing
    }
    expect(existsSync(path)).toBe(false)
  })
  it.runIf(isLinux)('refuses a folder that it cannot write', async () => {
    await expect(checkOutput('/proc')).rejects.toThrow(/^Expected to write into \/proc: /)
  })
})

describe('checkOutputFile', () => {
  it.each([
    [file, false, /which is there; --force replaces it/],
    [folder, true, /to be a file, which it is not/],
    [join(folder, 'none', 'page.html'), false, /none is not a folder/],
  ])('refuses %s', async (path, replaces, message) => {
    await expect(checkOutputFile(path, replaces)).rejects.toThrow(message)
  })
  it('accepts a new file, and one that it may replace', async () => {
    await checkOutputFile(join(folder, 'new.html'), false)
    await checkOutputFile(file, true)
    expect(readdirSync(folder)).not.toContain('new.html')
  })
})

describe('an output that cannot be written', () => {
  const below = join(file, 'below')
  it.each([
    ['generate', [prompts, ...pair]],
    ['score', [prompts]],
    ['sweep', [prompts, ...pair]],
    ['reproduce', []],
    ['bench', ['--make', 'd=64,layers=1,heads=2']],
    ['bench', ['--table', below]],
  ])('ends %s with one line before a model is loaded', async (verb, args) => {
    const { code, stdout, stderr } = await rxargs([verb, ...args, verb === 'bench' ? '--out' : '-o', below])
    expect([code, stdout, stderr]).toEqual([1, '', `rxargs: Expected to make the folder ${below}: a file is in the way\n`])
  })

  it('ends report', async () => {
    const { code, stderr } = await rxargs(['report', folder, '-o', join(below, 'page.html')])
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^rxargs: Expected to write .*below is not a folder\n$/)])
  })

  it.skipIf(process.platform === 'win32')(
    'on a full disk ends generate before the first prompt',
    () => {
      const command = `ulimit -f 100; exec "${process.execPath}" dist/src/cli/main.js generate data/prompts/sample.jsonl -o "$0"`
      const { status, stderr } = spawnSync('sh', ['-c', command, join(folder, 'full')], { cwd: root, encoding: 'utf8' })
      expect([status, stderr.trim().split('\n')]).toEqual([
        1,
        [expect.stringMatching(/^rxargs: Expected to write into .*full: /)],
      ])
      expect(existsSync(join(folder, 'full'))).toBe(false)
    },
    30_000,
  )
})
