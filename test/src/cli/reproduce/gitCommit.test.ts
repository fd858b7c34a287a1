import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gitCommit } from '../../../../src/cli/reproduce/reproduce.js'

let folder: string
const git = (...args: readonly string[]) => execFileSync('git', args, { cwd: join(folder, 'checkout'), encoding: 'utf8' }).trim()
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-commit-'))
  await mkdir(join(folder, 'checkout', 'node_modules'), { recursive: true })
  git('init', '-q')
  git('-c', 'user.name=test', '-c', 'user.email=test@localhost', 'commit', '-q', '--allow-empty', '-m', 'test')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('gitCommit', () => {
  it("is the short hash of a checkout's commit at its root", async () => {
    expect(await gitCommit(join(folder, 'checkout'))).toBe(git('rev-parse', '--short', 'HEAD'))
  })
  it('is absent inside another checkout and outside of one', async () => {
    expect(await gitCommit(join(folder, 'checkout', 'node_modules'))).toBeUndefined()
    expect(await gitCommit(folder)).toBeUndefined()
  })
})
