import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const script = fileURLToPath(new URL('../../src/lists.mjs', import.meta.url))

it('the generated lists are current', () => {
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})

describe('lists.mjs', () => {
  const configs = 'src/models/checkpoint/families'
  const graphs = 'src/models/graph/families'
  let root: string
  const write = (path: string, text: string) => writeFileSync(join(root, path), text)
  const read = (folder: string) => readFileSync(join(root, folder, 'index.ts'), 'utf8')
  const run = (...flags: string[]) => execFileSync(process.execPath, [join(root, 'src/lists.mjs'), ...flags], { stdio: 'pipe' })

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'rxargs-lists-'))
    for (const folder of ['operators', configs, graphs]) mkdirSync(join(root, folder), { recursive: true })
    cpSync(script, join(root, 'src/lists.mjs'))
    write('operators/topK.ts', 'export const topKEntry = 1\nexport function topK() {}\n')
    write(`${configs}/helper.ts`, 'export const helper = 1\n')
    write(`${configs}/llamaConfig.ts`, 'export const llamaFamily = {}\n')
    write(`${graphs}/bert.ts`, 'export function bert() {}\n')
    write(`${graphs}/llama.ts`, "export const llamaFamilies = ['llama', 'mistral'] as const\n")
    run()
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  it('lists the exports of the files without helpers', () => {
    expect(read('operators')).toContain('\n  topK: topKEntry,\n')
    expect(read(configs)).toContain('\nexport const decoderFamilies = [llamaFamily] as const\n')
    expect(read(configs)).not.toContain('helper')
    expect(read(graphs)).toMatch(/\{\n {2}llama,\n {2}mistral: llama,\n\}\n$/)
  })

  it('finds a new family in its two files', () => {
    expect(run('--check').toString()).toBe('')
    write(`${configs}/falconConfig.ts`, 'export const falconFamily = {}\n')
    write(`${graphs}/falcon.ts`, "export const falconFamilies = ['falcon'] as const\n")
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'src/lists.mjs'), '--check'], { encoding: 'utf8' })
    expect(status).toBe(1)
    expect(stderr).toBe(
      `${configs}/index.ts is not current: run \`npm run build\`\n${graphs}/index.ts is not current: run \`npm run build\`\n`,
    )
    run()
    expect(read(configs)).toContain('[falconFamily, llamaFamily]')
    expect(read(graphs)).toContain('\n  falcon,\n')
    expect(run('--check').toString()).toBe('')
  })
})
