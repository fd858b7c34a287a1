import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { builtIn } from '../../../pipelines/registry/registry.js'
import { pipelineFromText } from '../../../pipelines/registry/specs/pipelineFromText.js'
import { searchFromSpec } from '../../../pipelines/registry/specs/searchFromSpec.js'

type Run = Readonly<{
  name: string
  modelTokens: number
  decoder?: string
  file?: string
  guide?: string
  reward?: string
  also?: string
  options: Readonly<Record<string, number>>
}>
type Table = Readonly<{ name: string; guide: string; judge: string; together?: boolean; limit?: number; runs: readonly Run[] }>
type Row = Readonly<Record<string, unknown> & { id: string }>
type Paths = Readonly<Record<string, string>>
type Experiments = Readonly<{
  tables: readonly Table[]
  quick: (table: Table) => Table
  commandsOf: (table: Table) => Readonly<{ shared: readonly Run[]; alone: readonly Run[] }>
  runArgs: (table: Table, run: Run, paths: Paths) => string[]
  tableArgs: (table: Table, paths: Paths) => string[]
  jobRows: (table: Table, prompts: readonly Row[], pipelines: Readonly<Record<string, string>>) => Row[]
}>

const folder = new URL('../../../data/real/', import.meta.url)
const { tables, quick, commandsOf, runArgs, tableArgs, jobRows } = (await import(
  new URL('experiments.mjs', folder).href
)) as Experiments
const read = (path: string): string => readFileSync(new URL(path, folder), 'utf8')
const promptsOf = ({ name }: Table): Row[] =>
  read(`prompts/${name}.jsonl`)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Row)
const paths = { lm: 'lm.gguf', adapters: 'adapters', jobs: 'jobs', runs: 'runs' }
const table = (name: string): Table => tables.find((one) => one.name === name)!

describe('the experiments', () => {
  it.each(tables.map((one) => [one.name, one] as const))('%s compares runs of different names with greedy decoding', (_, one) => {
    expect(one.runs[0]!.name).toBe('greedy')
    expect(new Set(one.runs.map(({ name }) => name)).size).toBe(one.runs.length)
    expect(one.judge === undefined || one.guide !== one.judge).toBe(true)
  })

  it.each(tables.map((one) => [one.name, one] as const))('%s has prompts with ids of their own', (_, one) => {
    const ids = promptsOf(one).map(({ id }) => id)
    expect(ids.length).toBeGreaterThanOrEqual(one.limit ?? 12)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('validates every weight with every k', () => {
    const grid = [5, 10, 20].flatMap((k) => [0.25, 0.5, 1, 1.5, 2].map((weight) => `${k} ${weight}`))
    const found = table('hh-validation').runs.flatMap(({ decoder, also, options: { k, weight } }) =>
      decoder === 'args-pruned' && also === undefined ? [`${k} ${weight}`] : [],
    )
    expect(found.sort()).toEqual(grid.sort())
  })

  it('validates on other prompts than it reports', () => {
    const held = new Set(promptsOf(table('hh-held-out')).map(({ id }) => id))
    expect(promptsOf(table('hh-validation')).filter(({ id }) => held.has(id))).toEqual([])
  })

  it('names pipelines that the registry takes', () => {
    const files = new Set(tables.flatMap(({ runs }) => runs.flatMap(({ file }) => file ?? [])))
    expect(files.size).toBeGreaterThan(0)
    for (const file of files) expect(() => pipelineFromText(read(`../../${file}`), file, builtIn)).not.toThrow()
  })
})

describe('arguments', () => {
  const held = table('hh-held-out')
  const of = (name: string) => runArgs(held, held.runs.find((one) => one.name === name)!, paths).join(' ')

  it('give a guided run its guide and options', () => {
    expect(of('args-k10-w0.5')).toBe(
      'generate data/real/prompts/hh-held-out.jsonl --lm lm.gguf --base lm.gguf --reward guide=adapters/hh-guide --decoder args-pruned --k=10 --weight=0.5 --strict --retry-errors --max-new-tokens 128 --concurrency 50 --limit 200 --output runs/hh-held-out/args-k10-w0.5',
    )
    expect(of('fluent-w1')).toContain('--pipeline data/pipelines/fluent.yaml --weight=1')
  })

  it('give an unguided run a reward that costs nothing', () => {
    expect(of('greedy')).toContain('--reward none=length(target=200) --decoder greedy')
    expect(of('greedy')).not.toContain('--base')
  })

  it('decode the runs of a table together if it says so', () =>
    expect(tableArgs(table('reviews'), paths).join(' ')).toBe(
      'generate jobs/reviews.jsonl --lm lm.gguf --base lm.gguf --reward guide=adapters/sentiment-guide --strict --retry-errors --max-new-tokens 32 --concurrency 48 --output runs/reviews',
    ))
})

describe('commands', () => {
  it('decode a run with another guide by itself, and its table with the others', () => {
    const { shared, alone } = commandsOf(table('reviews'))
    expect(alone.map(({ name }) => name)).toEqual(['genarm-w1', 'genarm-w4'])
    expect(shared.length + alone.length).toBe(table('reviews').runs.length)
    expect(runArgs(table('reviews'), alone[0]!, paths).join(' ')).toBe(
      'generate data/real/prompts/reviews.jsonl --lm lm.gguf --base lm.gguf --reward guide=adapters/sentiment-arm --decoder genarm --weight=1 --strict --retry-errors --max-new-tokens 32 --concurrency 48 --output runs/reviews-genarm-w1',
    )
  })

  it('decode the runs of a table without a guide one by one, also when it is quick', () =>
    expect(commandsOf(quick(table('rules'))).shared).toEqual([]))

  it('share no folder', () => {
    for (const asked of [(one: Table) => one, quick])
      for (const one of tables.map(asked)) {
        const { shared, alone } = commandsOf(one)
        const folders = alone.map((own) => runArgs(one, own, paths).at(-1))
        if (shared.length > 0) folders.push(tableArgs(one, paths).at(-1))
        expect(new Set(folders).size).toBe(folders.length)
      }
  })
})

describe('jobRows', () => {
  const rows = jobRows(quick(table('reviews')), promptsOf(table('reviews')), {
    'data/pipelines/fluent.yaml': 'FLUENT',
    'data/pipelines/rad.yaml': 'RAD',
  })
  const row = (id: string) => rows.find((one) => one.id === `${id}/reviews-01`)

  it('has a row for each run and each of the first prompts', () => {
    expect(rows.length).toBe(2 * commandsOf(table('reviews')).shared.length)
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
  })

  it.each(tables.map(quick).map((one) => [one.name, one] as const))(
    'gives the rows of %s settings that a row can have',
    (_, one) => {
      expect(commandsOf(one).shared.filter((run) => run.guide ?? run.reward ?? run.also)).toEqual([])
      for (const { weight, pipeline } of jobRows(one, promptsOf(one), {})) {
        expect(typeof (weight ?? 0)).toBe('number')
        if (typeof pipeline === 'object') expect(() => searchFromSpec(pipeline)).not.toThrow()
      }
    },
  )

  it('gives each row the settings of its run', () => {
    const prompt = promptsOf(table('reviews'))[0]!.prompt
    expect(row('greedy')).toEqual({ id: 'greedy/reviews-01', prompt, pipeline: 'greedy' })
    expect(row('args-k10-w-1')).toMatchObject({ pipeline: 'args-pruned', k: 10, weight: -1 })
    expect(row('best-of-6')).toMatchObject({ pipeline: { search: { bestOfN: { n: 6 } } } })
    const held = jobRows(quick(table('hh-held-out')), promptsOf(table('hh-held-out')), {})
    expect(held.find(({ id }) => id.startsWith('guided-best-of-4'))).toMatchObject({
      pipeline: { search: { guidedBestOfN: { n: 4, k: 10, weight: 0.25 } } },
    })
    expect(row('fluent-w2')).toMatchObject({ pipeline: 'FLUENT', weight: 2 })
  })
})
