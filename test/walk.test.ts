import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { importsOf, targetOf } from './arrows.js'

/** The way of one prompt through the files, as src/README.md tells it. */
const root = new URL('../', import.meta.url)
const page = readFileSync(new URL('src/README.md', root), 'utf8')
const section = page.slice(page.indexOf('## The way of one prompt'), page.indexOf('## What always holds'))
const steps = [...section.matchAll(/^(\d+)\. `([^`]+)` (.+)$/gm)].map(([, number, path, text]) => ({
  number: Number(number),
  path: path!,
  text: text!,
}))
const paths = steps.map(({ path }) => path)

/** Files that no file before them imports, because a value is passed in: who brings the two together. */
const handedOver: Readonly<Record<string, string>> = {
  'pipelines/run/generate.ts': 'src/cli/run/generateRun.ts',
  'src/models/batchedModels.ts': 'src/models/loadModels.ts',
  'src/io/toParquet.ts': 'src/cli/run/generateRun.ts',
}

const imports = new Map<string, string[]>()

function targetsOf(path: string): string[] {
  const file = new URL(path, root)
  if (!existsSync(file)) return []
  return importsOf({ path, text: readFileSync(file, 'utf8') }).flatMap(({ specifier }) =>
    specifier ? (targetOf(path, specifier) ?? []) : [],
  )
}

/** Whether one file reaches another through at most two further files. */
function reaches(from: string, to: string, hops = 3): boolean {
  const direct = imports.get(from) ?? targetsOf(from)
  imports.set(from, direct)
  return direct.includes(to) || (hops > 1 && direct.some((next) => reaches(next, to, hops - 1)))
}

describe('the way of one prompt', () => {
  it('is numbered in order and passes at most 25 files, each once', () => {
    expect(steps.map(({ number }) => number)).toEqual(steps.map((_, index) => index + 1))
    expect(steps.length).toBeGreaterThan(15)
    expect(steps.length).toBeLessThanOrEqual(25)
    expect(new Set(paths).size).toBe(paths.length)
  })

  it.each(paths)('names %s, which exists', (path) => expect(existsSync(new URL(path, root))).toBe(true))

  it.each(paths.slice(1))('comes to %s by imports', (path) => {
    const before = handedOver[path] ? [handedOver[path]] : paths.slice(0, paths.indexOf(path))
    expect(before.filter((from) => reaches(from, path))).not.toEqual([])
  })
})
