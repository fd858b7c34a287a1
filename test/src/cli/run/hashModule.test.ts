import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hashModule } from '../../../../src/cli/run/hashModule.js'

let base: string
let folder: string
const write = (name: string, code: string) => writeFile(join(folder, name), code)
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'rxargs-hash-'))
  folder = join(base, 'mine')
  await mkdir(join(folder, 'lib'), { recursive: true })
  await write('main.mjs', "import rxjs from 'rxjs'\nimport { a } from './lib/a.mjs'\nexport default () => import('./late.mjs')\n")
  await write('lib/a.mjs', "export * from '../main.mjs'\nimport data from './data.json' with { type: 'json' }\n")
  await write('lib/data.json', '{"x":1}')
  await write('late.mjs', 'export const late = 1\n')
})
afterEach(() => rm(base, { recursive: true, force: true }))

const hash = () => hashModule(join(folder, 'main.mjs'))

describe('the hash of a module', () => {
  it.each([
    ['main.mjs', 'export default 1\n'],
    ['lib/a.mjs', 'export const a = 2\n'],
    ['lib/data.json', '{"x":2}'],
    ['late.mjs', 'export const late = 2\n'],
  ])('changes with %s', async (name, code) => {
    const before = await hash()
    await write(name, code)
    expect(await hash()).not.toBe(before)
  })

  it("depends neither on other files nor on the folder's path", async () => {
    const before = await hash()
    await write('beside.mjs', 'export const none = 1\n')
    await cp(folder, join(base, 'copy'), { recursive: true })
    expect(await hashModule(join(base, 'copy', 'main.mjs'))).toBe(before)
  })

  it("is the file's hash without imports, or if it is no module", async () => {
    for (const code of ["import 'rxjs'\nexport default 1\n", 'module.exports = {\n']) {
      await write('main.mjs', code)
      expect(await hash()).toBe(createHash('sha256').update(code).digest('hex'))
    }
  })
})
