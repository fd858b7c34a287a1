import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rewardFunctions } from '../../../pipelines/rewards/rewardByName.js'
import { functionReward, rewardFlag } from '../../../src/cli/flags/rewardFlag.js'
import { jsonl, rxargs } from './rxargs.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const readme = await readFile(join(root, 'pipelines/README.md'), 'utf8')
const section = readme.match(/^## Rewards\n([\s\S]*?)^## /m)![1]!
const block = (language: string): string => section.match(new RegExp(`^ *\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'm'))![1]!

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-readme-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('pipelines/README.md about rewards', () => {
  it('has a program that follows the preference of each user', async () => {
    const index = pathToFileURL(join(root, 'dist/src/index.js')).href
    const path = join(folder, 'users.mjs')
    await writeFile(path, block('ts').replace(`'rxargs'`, `'${index}'`))
    const { stdout } = await promisify(execFile)(process.execPath, [path], { cwd: root })
    const varied = (user: string) => Number(stdout.match(new RegExp(`^${user} \\S+ (\\S+) `, 'm'))![1])
    expect(varied('ben')).toBeGreaterThan(varied('ana'))
  })

  it('has a command with a model, a module and a function', async () => {
    const module = join(folder, 'polite.js')
    await writeFile(module, block('js'))
    const words = block('sh')
      .replaceAll('\\\n', ' ')
      .match(/'[^']*'|\S+/g)!
      .map((word) => word.replaceAll("'", ''))
    expect(words.slice(0, 3)).toEqual(['npx', 'rxargs', 'generate'])
    const here = (word: string) =>
      word.startsWith('data/') || word.startsWith('chat=data/') ? word.replace('data/', `${root}data/`) : word
    const asked = words.slice(2, -2).map((word) => (word === './polite.js' ? module : here(word)))
    const { stdout, code } = await rxargs([...asked, '--limit', '1', '--max-new-tokens', '3'])
    expect(code).toBe(0)
    expect(Object.keys(jsonl(stdout)[0]!).filter((column) => column.startsWith('reward'))).toEqual([
      'reward',
      'rewards',
      'reward_polite',
      'rewards_polite',
      'reward_short',
      'rewards_short',
    ])
  })

  it('has a table of all functions with their options', () => {
    const rows = [...section.matchAll(/^\| `((\w+)\([^`]*\))` \|(.*?)\| /gm)]
    expect(rows.map(([, , name]) => name)).toEqual(Object.keys(rewardFunctions))
    for (const [, call, name, options] of rows) {
      const flag = rewardFlag(call!)
      if (flag.kind !== 'function') throw new Error(`${call} is no function`)
      expect(() => functionReward(flag)).not.toThrow()
      const told = [...`${call} ${options}`.matchAll(/(\w+)=/g)].map(([, option]) => option)
      expect(told.sort()).toEqual(Object.keys(rewardFunctions[name!]!.options.shape).sort())
    }
  })
})
