import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { operators } from '../../operators/index.js'
import { pipelineSchema } from '../../pipelines/registry/specs/pipelineSchema.js'
import { root } from '../docs/pages.js'
import { tempFolder } from '../tempFolder.js'

const pages = ['operators/README.md', 'src/cli/README.md', 'data/pipelines/schema.json']
const verbs = [...readFileSync(`${root}src/cli/README.md`, 'utf8').matchAll(/^<!-- help (\w+) -->$/gm)].map(([, name]) => name)

describe('docs.mjs', () => {
  let copy: string
  tempFolder((path) => {
    copy = path
    for (const folder of ['operators', 'src/cli', 'data/pipelines']) mkdirSync(join(copy, folder), { recursive: true })
    for (const name of [...pages, 'src/docs.mjs', 'package.json']) cpSync(`${root}${name}`, join(copy, name))
    cpSync(`${root}dist`, join(copy, 'dist'), { recursive: true })
    for (const name of ['node_modules', 'data/models', 'data/prompts', 'data/reproduction'])
      symlinkSync(`${root}${name}`, join(copy, name), 'dir')
  })
  const script = () => join(copy, 'src/docs.mjs')
  const run = (...flags: string[]) => spawnSync(process.execPath, [script(), ...flags], { cwd: copy, encoding: 'utf8' })
  const read = (page: string) => readFileSync(join(copy, page), 'utf8')

  it('has nothing to write after a build', () => expect(run('--check')).toMatchObject({ status: 0, stderr: '' }))

  it('names the pages that are not current, and writes them', () => {
    const current = pages.map(read)
    writeFileSync(join(copy, pages[0]!), read(pages[0]!).replace(/^\| `topK` .*\n/m, ''))
    writeFileSync(join(copy, pages[1]!), read(pages[1]!).replace(/^Usage: rxargs generate/m, 'Usage: rxargs old'))
    writeFileSync(join(copy, pages[2]!), '{}\n')
    const { status, stderr } = run('--check')
    expect(status).toBe(1)
    expect(stderr).toBe(pages.map((page) => `${page} is not current: run \`npm run build\`\n`).join(''))
    expect(run().status).toBe(0)
    expect(pages.map(read)).toEqual(current)
  })

  it('has every operator in the table and in the schema', () => {
    const page = readFileSync(`${root}${pages[0]}`, 'utf8')
    for (const name of Object.keys(operators)) expect(page).toContain(`\n| \`${name}\` |`)
    expect(JSON.parse(readFileSync(`${root}${pages[2]}`, 'utf8'))).toEqual(JSON.parse(JSON.stringify(pipelineSchema())))
  })

  it('has the help of every verb', () => {
    const { stdout } = spawnSync(process.execPath, [`${root}dist/src/cli/main.js`, '--help'], { encoding: 'utf8' })
    const commands = [...stdout.matchAll(/^ {2}(\w+) (?=\[options\])/gm)].map(([, name]) => name)
    expect(commands).toContain('generate')
    expect([...verbs].sort()).toEqual(commands.sort())
  })
})
