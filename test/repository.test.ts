import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { version as written } from '../src/core/run.js'

const root = new URL('../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')
const { version, bin, exports, files } = JSON.parse(read('package.json')) as {
  version: string
  bin: Record<string, string>
  exports: Record<string, Record<string, string> | string>
  files: string[]
}

describe('package.json', () => {
  it('has the version that the changelog describes last', () => {
    expect(read('CHANGELOG.md').match(/^## \[(\d[^\]]*)\]/m)?.[1]).toBe(version)
  })

  it('has the version that every output file records', () => expect(written).toBe(version))

  it('points to compiled files of sources that exist', () => {
    const entry = exports['.'] as Record<string, string>
    for (const path of [bin.rxargs!, entry.default!]) {
      expect(existsSync(new URL(path.replace(/^(\.\/)?dist\//, '').replace(/\.js$/, '.ts'), root))).toBe(true)
    }
  })

  it.skipIf(process.platform === 'win32')('has a command that a rebuild leaves executable, as npx does so once only', () => {
    expect(statSync(new URL(bin.rxargs!, root)).mode & 0o111).toBe(0o111)
  })

  it('installs without scripts of dependencies, and with settings that every npm knows', () => {
    const settings = read('.npmrc')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith(';'))
    // npm 11 warns at each `npx rxargs` of a setting that is not its own, npm 12 may refuse it.
    expect(settings.map((line) => line.split('=')[0])).toEqual([
      'ignore-scripts',
      'omit-lockfile-registry-resolved',
      'fund',
      'audit',
    ])
    // Then npm runs no `prepare`, `prepack` or `pretest` either, so the commands contain all steps.
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    expect(Object.keys(scripts).filter((name) => /^(pre|post)/.test(name))).toEqual([])
  })

  it('publishes neither tests nor recipes', () => {
    expect(files.filter((path) => /^(test|data\/models\/recipe|data\/golden|data|data\/models)\/?$/.test(path))).toEqual([])
  })
})

describe('data/prompts/sample.jsonl', () => {
  const prompts = read('data/prompts/sample.jsonl')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: string; prompt: string })

  it('has at least 32 prompts with different ids', () => {
    expect(prompts.length).toBeGreaterThanOrEqual(32)
    expect(new Set(prompts.map(({ id }) => id)).size).toBe(prompts.length)
    expect(new Set(prompts.map(({ prompt }) => prompt)).size).toBe(prompts.length)
  })

  it('has turns in the form of HH-RLHF, the last one open', () => {
    for (const { id, prompt } of prompts) {
      expect(id).toMatch(/^[a-z]+(-[a-z]+)*$/)
      expect(prompt).toMatch(/^\n\nHuman: \S[^\n]*(\n\nAssistant: \S[^\n]*\n\nHuman: \S[^\n]*)*\n\nAssistant:$/)
    }
  })
})

describe('data/models', () => {
  const folders = readdirSync(new URL('data/models/', root), { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && existsSync(new URL(`data/models/${entry.name}/config.json`, root)),
  )

  it('holds embedded models of at most 15 MB each', () => {
    const sizes = folders.map(({ name }) => {
      const folder = new URL(`data/models/${name}/`, root)
      return { name, bytes: readdirSync(folder).reduce((sum, file) => sum + statSync(new URL(file, folder)).size, 0) }
    })
    expect(sizes.filter(({ bytes }) => bytes > 15e6)).toEqual([])
  })
})
