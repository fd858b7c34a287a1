import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { SourceFile } from './arrows.js'
import { brokenStages, fullFolders, namesWithTwoMeanings, verbsTogether } from './rooms.js'

const root = new URL('../', import.meta.url)
const filesUnder = (folder: string): SourceFile[] =>
  readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.includes('generated'))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .map((path) => ({ path, text: readFileSync(new URL(path, root), 'utf8') }))

const source = ['src', 'operators', 'pipelines'].flatMap(filesUnder)
const file = (path: string, text: string): SourceFile => ({ path, text })
const importing = (path: string, specifier: string) => [file(path, `import { a } from '${specifier}'`)]

describe('the rooms', () => {
  it('import along the stages inside pipelines', () => expect(brokenStages(source)).toEqual([]))
  it('keep verbs apart', () => expect(verbsTogether(source)).toEqual([]))
  it('have at most 20 files', () => expect(fullFolders(source)).toEqual([]))
  it('give no exported name two meanings', () => expect(namesWithTwoMeanings(source)).toEqual([]))
})

describe('brokenStages', () => {
  it.each([
    ['pipelines/evaluation/sweep.ts', '../run/generate.js'],
    ['pipelines/run/generate.ts', '../schedule/schedule.js'],
    ['pipelines/schedule/schedule.ts', '../rewards/ensemble.js'],
    ['pipelines/registry/specs/explain.ts', '../registry.js'],
    ['pipelines/decoders/args.ts', '../decoding/steps.js'],
  ])('lets %s import %s', (path, specifier) => expect(brokenStages(importing(path, specifier))).toEqual([]))

  it.each([
    ['pipelines/decoding/steps.ts', '../decoders/args.js', 'pipelines/decoders/args.ts'],
    ['pipelines/rewards/ensemble.ts', '../schedule/schedule.js', 'pipelines/schedule/schedule.ts'],
    ['pipelines/run/generate.ts', '../evaluation/score.js', 'pipelines/evaluation/score.ts'],
  ])('refuses %s importing %s', (path, specifier, target) =>
    expect(brokenStages(importing(path, specifier))).toEqual([`${path} imports ${target}`]),
  )
})

describe('verbsTogether', () => {
  it.each([
    ['src/cli/bench/bench.ts', '../flags/flags.js'],
    ['src/cli/sweep.ts', './run/generateRun.js'],
    ['src/cli/program.ts', './bench/bench.js'],
    ['src/cli/report/report.ts', './page.js'],
  ])('lets %s import %s', (path, specifier) => expect(verbsTogether(importing(path, specifier))).toEqual([]))

  it.each([
    ['src/cli/sweep.ts', './bench/bench.js', 'src/cli/bench/bench.ts'],
    ['src/cli/report/report.ts', '../why.js', 'src/cli/why.ts'],
    ['src/cli/flags/flags.ts', '../sweep.js', 'src/cli/sweep.ts'],
  ])('refuses %s importing %s', (path, specifier, target) =>
    expect(verbsTogether(importing(path, specifier))).toEqual([`${path} imports ${target}`]),
  )
})

describe('fullFolders', () => {
  const files = (folder: string, count: number) => Array.from({ length: count }, (_, i) => file(`${folder}/f${i}.ts`, ''))

  it('counts 20 files', () => {
    expect(fullFolders(files('src/io', 20))).toEqual([])
    expect(fullFolders(files('src/io', 21))).toEqual(['src/io has 21 files, at most 20'])
  })

  it('lets the operators be more', () => expect(fullFolders(files('operators', 30))).toEqual([]))
})

describe('namesWithTwoMeanings', () => {
  it('names both places', () =>
    expect(namesWithTwoMeanings([file('src/b.ts', 'export type A = 1'), file('src/a.ts', 'export const A = 1')])).toEqual([
      'A is declared in src/a.ts and src/b.ts',
    ]))

  it('lets a file export what another declares, and a type have its value', () =>
    expect(
      namesWithTwoMeanings([
        file('src/a.ts', 'export const a = 1\nexport type a = number'),
        file('src/b.ts', `export { a } from './a.js'`),
      ]),
    ).toEqual([]))
})
