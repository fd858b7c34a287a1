/**
 * Packs the package as it would be published, installs it into an empty folder and uses it there: the command, the import and its
 * types. Prints TAP, needs the registry, and is run by .ci/run (`npm test` stays without a network).
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const here = fileURLToPath(new URL('./', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'rxargs-packed-'))
const { version, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

const print = (line) => process.stdout.write(`${line}\n`)

/** Standard output of a command run in the empty folder; what it wrote to stderr is in the error. */
const run = (command, args, cwd = folder) =>
  execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64e6,
    shell: process.platform === 'win32',
  })

const rxargs = (...args) => run('npx', ['--no-install', 'rxargs', ...args])

const filesIn = (path) =>
  readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesIn(join(path, entry.name)) : [join(path, entry.name)],
  )

const expect = (condition, message) => {
  if (!condition) throw new Error(message)
}

let failures = 0
const check = (name, body) => {
  try {
    body()
    print(`ok - ${name}`)
    return true
  } catch (error) {
    failures += 1
    print(`not ok - ${name}`)
    for (const text of [error.message, error.stdout, error.stderr]) {
      for (const line of String(text ?? '')
        .split('\n')
        .filter(Boolean)
        .slice(0, 40))
        print(`  ${line}`)
    }
    return false
  }
}

const tarball = () => join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? 'no tarball')

const packs = () => {
  run('npm', ['run', 'pack', '--', '--pack-destination', folder], root)
  const { size } = statSync(tarball())
  expect(size < 70e6, `the tarball has ${size} bytes`)
  print(`  tarball: ${(size / 1e6).toFixed(1)} MB`)
}

const installs = () => {
  run('npm', ['install', '--onnxruntime-node-install=skip', '--no-audit', '--no-fund', tarball()])
}

const holdsOnlyWhatIsUsed = () => {
  const installed = join(folder, 'node_modules', 'rxargs')
  const files = filesIn(installed).map((path) => relative(installed, path).split(sep).join('/'))
  const unwanted = files.filter(
    (path) =>
      /(^|\/)(test|recipe|golden|data\/bench)\//.test(path) ||
      /\.(py|test\.\w+|js\.map)$|server\/page\/(main|state|view)/.test(path),
  )
  expect(unwanted.length === 0, `unwanted: ${unwanted.join(', ')}`)
  for (const needed of [
    'LICENSE',
    'README.md',
    'CHANGELOG.md',
    'data/pipelines/schema.json',
    'dist/src/cli/report/page/inspector.js',
    'dist/src/cli/report/page/page.css',
    'dist/src/cli/report/page/phone.css',
    ...['index.html', 'icon.svg', 'example.json', 'playground.js'].map((name) => `dist/src/server/page/${name}`),
    ...['style', 'layout', 'reply', 'inspect'].map((name) => `dist/src/server/page/${name}.css`),
    'data/models/chat-lm/config.json',
    'data/models/chat-rm/config.json',
    'data/models/encoder/config.json',
  ]) {
    expect(files.includes(needed), `missing: ${needed}`)
  }
}

const saysItsVersion = () => {
  const said = rxargs('--version').trim()
  expect(said === version, `rxargs --version: ${said}, package.json: ${version}`)
}

/** The address is refused on every machine, so that the check needs no network. */
const reachesForTheHub = () => {
  process.env.HF_ENDPOINT = 'http://127.0.0.1:1'
  try {
    rxargs('pull', 'org/name')
  } catch ({ status, stderr }) {
    return expect(status === 1 && stderr.includes('Cannot reach http://127.0.0.1:1'), `rxargs pull: ${status}, ${stderr}`)
  } finally {
    delete process.env.HF_ENDPOINT
  }
  throw new Error('rxargs pull went on without a hub')
}

const ids = (jsonl) => {
  const rows = jsonl
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  for (const { id, error, completion, reward } of rows) {
    expect(
      error === null && typeof completion === 'string' && Number.isFinite(reward),
      `row ${id}: ${error ?? 'no completion or reward'}`,
    )
  }
  return rows
    .map(({ id }) => id)
    .sort()
    .join(' ')
}

const generatesLines = () => {
  const found = ids(rxargs('generate', 'prompts.jsonl', '--max-new-tokens', '8'))
  expect(found === 'bread moon', `rows: ${found}`)
}

const generatesParquet = () => {
  rxargs('generate', 'prompts.jsonl', '--max-new-tokens', '8', '-o', 'rows')
  const found = ids(rxargs('cat', 'rows'))
  expect(found === 'bread moon', `rows: ${found}`)
}

const reachesLibraries = () => {
  const module = `import { map } from 'rxargs/rxjs'; import * as z from 'rxargs/zod'; console.log(typeof map, typeof z.strictObject)`
  const said = run('node', ['--input-type=module', '-e', module]).trim()
  expect(said === 'function function', `rxargs/rxjs, rxargs/zod: ${said}`)
}

const isImported = () => {
  const found = ids(run('node', ['script.mjs']))
  expect(found === 'bread moon', `rows: ${found}`)
}

/** The README's programs; they name the embedded models and the sample prompts by paths from the package's own folder. */
const readmePrograms = readFileSync(join(root, 'README.md'), 'utf8')
  .match(/^```ts\nimport [\s\S]*?^```/gm)
  .map((block) => block.replace(/^```(ts\n)?/gm, ''))

const runsReadme = (program) => () => {
  const installed = join(folder, 'node_modules', 'rxargs')
  writeFileSync(join(installed, 'program.mjs'), program)
  run('node', ['program.mjs'], installed)
}

const hasTypes = (module, moduleResolution) => () => {
  const compilerOptions = {
    module,
    moduleResolution,
    target: 'es2023',
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    types: ['node'],
  }
  const programs = readmePrograms.map((program, index) => {
    writeFileSync(join(folder, `readme${index}.ts`), program)
    return `readme${index}.ts`
  })
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts', ...programs] }))
  run('node', [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.json'])
}

try {
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }))
  writeFileSync(
    join(folder, 'prompts.jsonl'),
    [
      { id: 'bread', prompt: '\n\nHuman: How do I make bread?\n\nAssistant:' },
      { id: 'moon', prompt: '\n\nHuman: Who walked on the moon?\n\nAssistant:' },
    ]
      .map((prompt) => `${JSON.stringify(prompt)}\n`)
      .join(''),
  )
  for (const name of ['script.mjs', 'consumer.ts']) cpSync(join(here, name), join(folder, name))

  if (check('is packed, under 70 MB', packs) && check('is installed into an empty folder', installs)) {
    check('holds what is used, no tests, no recipes', holdsOnlyWhatIsUsed)
    check('rxargs --version', saysItsVersion)
    check('rxargs pull reaches for the hub', reachesForTheHub)
    check('rxargs generate to stdout', generatesLines)
    check('rxargs generate to Parquet, rxargs cat', generatesParquet)
    check('import from a script', isImported)
    check('rxargs/rxjs and rxargs/zod', reachesLibraries)
    readmePrograms.forEach((program, index) => {
      check(`the README's program ${index + 1}`, runsReadme(program))
    })
    run('npm', ['install', '--no-save', '--no-audit', '--no-fund', `@types/node@${devDependencies['@types/node']}`])
    check('types with moduleResolution bundler', hasTypes('esnext', 'bundler'))
    check('types with moduleResolution nodenext', hasTypes('nodenext', 'nodenext'))
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exitCode = failures ? 1 : 0
