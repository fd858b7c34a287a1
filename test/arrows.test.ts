import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  bannedForms,
  brokenArrows,
  cycles,
  homes,
  importsOf,
  longFiles,
  misnamedOperators,
  type SourceFile,
  strayExits,
  strayLibraries,
} from './arrows.js'

const root = new URL('../', import.meta.url)

const filesUnder = (folder: string, ending: string): SourceFile[] =>
  readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending) && !/(^|[\\/])\.venv[\\/]/.test(name))
    .map((name) => ({ path: `${folder}/${name.replaceAll('\\', '/')}` }))
    .map(({ path }) => ({ path, text: readFileSync(new URL(path, root), 'utf8') }))

const source = ['src', 'operators', 'pipelines'].flatMap((folder) => [
  ...filesUnder(folder, '.ts'),
  ...filesUnder(folder, '.tsx'),
])
const python = ['data', 'test'].flatMap((folder) => filesUnder(folder, '.py'))
const assets = ['.css', '.js'].flatMap((ending) => filesUnder('src', ending))
const tests = filesUnder('test', '.ts')

const file = (path: string, text: string): SourceFile => ({ path, text })

describe('the repository', () => {
  it('has files in every room of the rules', () => {
    for (const room of ['src/core/', 'src/models/', 'src/io/', 'src/cli/', 'operators/', 'pipelines/']) {
      expect(source.some(({ path }) => path.startsWith(room))).toBe(true)
    }
  })

  it('imports along the arrows only', () => expect(brokenArrows(source)).toEqual([]))

  it('keeps each library in its room, and Node out of the pure rooms', () => expect(strayLibraries(source)).toEqual([]))

  it('knows a room for each dependency', () => {
    const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as Record<string, object>
    const { dependencies, peerDependencies: optional } = manifest
    expect(Object.keys(homes).sort()).toEqual(Object.keys({ ...dependencies, ...optional }).sort())
  })

  it('has no circles of imports', () => expect(cycles(source)).toEqual([]))

  it('ends the process and writes to the console in the entry point only', () => expect(strayExits(source)).toEqual([]))

  it('has one operator a file, named after its export', () => expect(misnamedOperators(source)).toEqual([]))

  it('keeps files short', () => expect(longFiles([...source, ...assets, ...tests, ...python])).toEqual([]))

  it('has neither default exports nor any', () => expect(bannedForms([...source, ...tests])).toEqual([]))
})

describe('importsOf', () => {
  it.each([
    ['import', `import { a } from './a.js'`],
    ['type import', `import type { A } from './a.js'`],
    ['bare import', `import './a.js'`],
    ['re-export', `export { a } from './a.js'`],
    ['type re-export', `export type { A } from './a.js'`],
    ['star re-export', `export * from './a.js'`],
    ['dynamic import', `const a = await import('./a.js')`],
    ['type of an import', `type A = import('./a.js').A`],
    ['import assignment', `import a = require('./a.js')`],
    ['worker file', `new Worker(new URL('./a.js', import.meta.url))`],
  ])('sees a %s', (_, text) =>
    expect(importsOf(file('operators/x.ts', text)).map(({ specifier }) => specifier)).toEqual(['./a.js']),
  )

  it('does not see comments and strings', () =>
    expect(importsOf(file('operators/x.ts', `// import './a.js'\nconst a = "import './a.js'"`))).toEqual([]))
})

describe('brokenArrows', () => {
  const breaches = (path: string, specifier: string) => brokenArrows([file(path, `import { a } from '${specifier}'`)])

  it.each([
    ['src/cli/main.ts', '../../pipelines/generate.js'],
    ['src/cli/main.ts', '../models/loadModels.js'],
    ['src/server/serve.ts', '../io/fromFile.js'],
    ['pipelines/decode.ts', '../operators/topK.js'],
    ['pipelines/decoders/args.ts', '../../operators/topK.js'],
    ['pipelines/evaluate.ts', '../src/eval/metrics.js'],
    ['operators/topK.ts', '../src/core/types.js'],
    ['operators/topP.ts', './topK.js'],
    ['src/index.ts', './models/loadModels.js'],
  ])('lets %s import %s', (path, specifier) => expect(breaches(path, specifier)).toEqual([]))

  it.each([
    ['src/core/math.ts', '../../operators/topK.js', 'operators/topK.ts'],
    ['src/core/math.ts', '../models/loadModels.js', 'src/models/loadModels.ts'],
    ['operators/topK.ts', '../pipelines/decode.js', 'pipelines/decode.ts'],
    ['operators/topK.ts', '../src/models/loadModels.js', 'src/models/loadModels.ts'],
    ['operators/topK.ts', '../src/eval/metrics.js', 'src/eval/metrics.ts'],
    ['pipelines/decode.ts', '../src/io/fromFile.js', 'src/io/fromFile.ts'],
    ['pipelines/decode.ts', '../src/cli/main.js', 'src/cli/main.ts'],
    ['src/eval/metrics.ts', '../../pipelines/decode.js', 'pipelines/decode.ts'],
    ['src/models/loadModels.ts', '../../pipelines/schedule.js', 'pipelines/schedule.ts'],
    ['src/models/loadModels.ts', '../io/fromFile.js', 'src/io/fromFile.ts'],
    ['src/io/fromFile.ts', '../models/loadModels.js', 'src/models/loadModels.ts'],
    ['src/cli/main.ts', '../index.js', 'src/index.ts'],
    ['src/index.ts', './cli/main.js', 'src/cli/main.ts'],
    ['src/index.ts', '../test/arrows.js', 'test/arrows.ts'],
    ['src/server/page/state/a.ts', '../../limits.js', 'src/server/limits.ts'],
    ['src/server/app.ts', './page/main.js', 'src/server/page/main.ts'],
  ])('refuses %s importing %s', (path, specifier, target) =>
    expect(breaches(path, specifier)).toEqual([`${path} imports ${target}`]),
  )

  it('sees type imports, too', () =>
    expect(brokenArrows([file('operators/a.ts', `type A = import('../src/models/a.js').A`)])).toHaveLength(1))

  it('refuses computed imports outside the command line', () => {
    const text = 'const a = await import(name)'
    expect(brokenArrows([file('pipelines/a.ts', text)])).toEqual(['pipelines/a.ts imports a computed name'])
    expect(brokenArrows([file('src/cli/a.ts', text)])).toEqual([])
  })

  it('refuses a file outside the rooms', () =>
    expect(brokenArrows([file('src/utils/a.ts', '')])).toEqual(['src/utils/a.ts is in no room']))
})

describe('strayLibraries', () => {
  const breaches = (path: string, specifier: string) => strayLibraries([file(path, `import { a } from '${specifier}'`)])

  it.each([
    ['operators/a.ts', 'rxjs'],
    ['src/models/runtime/a.ts', 'onnxruntime-node'],
    ['src/models/graph/a.ts', '@bufbuild/protobuf/codegenv2'],
    ['src/io/a.ts', 'node:fs/promises'],
    ['src/cli/a.ts', 'commander'],
    ['src/server/page/view/a.tsx', 'preact/hooks'],
  ])('lets %s import %s', (path, specifier) => expect(breaches(path, specifier)).toEqual([]))

  it.each([
    ['operators/a.ts', 'node:fs'],
    ['operators/a.ts', 'onnxruntime-node'],
    ['pipelines/a.ts', 'onnxruntime-node'],
    ['pipelines/a.ts', 'node:fs/promises'],
    ['src/core/a.ts', 'node:crypto'],
    ['src/cli/a.ts', 'onnxruntime-node'],
    ['src/io/a.ts', 'fs'],
    ['src/models/a.ts', 'onnxruntime-common'],
    ['src/server/app.ts', 'preact'],
    ['src/server/page/a.ts', 'node:fs'],
  ])('refuses %s importing %s', (path, specifier) => expect(breaches(path, specifier)).toEqual([`${path} imports ${specifier}`]))
})

describe('cycles', () => {
  it('names the circle', () => {
    const files = [file('operators/a.ts', `import { b } from './b.js'`), file('operators/b.ts', `import { a } from './a.js'`)]
    expect(cycles(files)).toEqual(['operators/a.ts → operators/b.ts → operators/a.ts'])
  })

  it('counts imports of types', () =>
    expect(
      cycles([file('operators/a.ts', `import type { B } from './b.js'`), file('operators/b.ts', `import { a } from './a.js'`)]),
    ).toEqual(['operators/a.ts → operators/b.ts → operators/a.ts']))
})

describe('strayExits', () => {
  it.each([
    ['process.exit(1)', 'calls process.exit'],
    [`process['exit'](1)`, 'calls process.exit'],
    ['console.error(1)', 'uses console'],
  ])('refuses %s outside the entry point', (text, breach) => {
    expect(strayExits([file('src/io/a.ts', text)])).toEqual([`src/io/a.ts ${breach}`])
    expect(strayExits([file('src/cli/main.ts', text)])).toEqual([])
  })

  it('lets any file set the exit code', () => expect(strayExits([file('src/cli/a.ts', 'process.exitCode = 1')])).toEqual([]))
})

describe('misnamedOperators', () => {
  const breaches = (text: string) => misnamedOperators([file('operators/topK.ts', text)])

  it.each([
    ['a function', 'export function topK() {}'],
    ['an arrow', 'export const topK = () => 1'],
    ['options beside it', 'export const topKOptions = 1\nexport type TopKOptions = number\nexport function topK() {}'],
  ])('accepts %s', (_, text) => expect(breaches(text)).toEqual([]))

  it.each([
    [
      'another name',
      'export function topk() {}',
      ['operators/topK.ts exports no function topK', 'operators/topK.ts exports topk, too'],
    ],
    ['two operators', 'export function topK() {}\nexport function topP() {}', ['operators/topK.ts exports topP, too']],
    ['a value', 'export const topK = 1', ['operators/topK.ts exports no function topK']],
  ])('refuses %s', (_, text, expected) => expect(breaches(text)).toEqual(expected))
})

describe('longFiles', () => {
  it('counts 95 lines for an operator and 250 for any other file, generated code aside', () => {
    const lines = (count: number) => 'a\n'.repeat(count)
    expect(longFiles([file('operators/a.ts', lines(95)), file('src/io/a.ts', lines(250))])).toEqual([])
    expect(longFiles([file('operators/a.ts', lines(96))])).toEqual(['operators/a.ts has 96 lines, at most 95'])
    expect(longFiles([file('test/a.test.ts', lines(251))])).toEqual(['test/a.test.ts has 251 lines, at most 250'])
    expect(longFiles([file('src/models/graph/generated/onnx_pb.ts', lines(999))])).toEqual([])
  })
})

describe('bannedForms', () => {
  it('refuses default exports and any', () => {
    expect(bannedForms([file('src/io/a.ts', 'export default 1')])).toEqual(['src/io/a.ts has a default export'])
    expect(bannedForms([file('vitest.config.ts', 'export default 1')])).toEqual([])
    expect(bannedForms([file('src/io/a.ts', 'const a = b as any')])).toEqual(['src/io/a.ts says any'])
    expect(bannedForms([file('src/io/a.ts', `const a: unknown = 'any' // any`)])).toEqual([])
  })
})
