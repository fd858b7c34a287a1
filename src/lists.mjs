// Writes the lists of operators and families from the files beside them, so that a new one edits no list. `npm run build` runs it;
// `node src/lists.mjs --check` names the lists that are not current and fails if there are any.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The files of a folder by name, without the list itself. */
function filesOf(folder) {
  const path = fileURLToPath(new URL(`../${folder}/`, import.meta.url))
  return readdirSync(path)
    .filter((file) => file.endsWith('.ts') && file !== 'index.ts')
    .sort()
    .map((file) => ({ name: file.slice(0, -'.ts'.length), text: readFileSync(`${path}${file}`, 'utf8') }))
}

/** operators/NAME.ts exports the operator `NAME` and, if pipelines can name it, `NAMEEntry`. */
function operators(files) {
  const registered = files.filter(({ name, text }) => text.includes(`export const ${name}Entry `)).map(({ name }) => name)
  return [
    ...registered.map((name) => `import { ${name}Entry } from './${name}.js'`),
    "import type { RegisteredOperator } from '../src/core/registryEntry.js'",
    '',
    ...files.map(({ name }) => `export { ${name} } from './${name}.js'`),
    ...files.map(({ name }) => `export type * from './${name}.js'`),
    '',
    '/** The operators that pipelines can name, under the names of their files. */',
    'export const operators: Readonly<Record<string, RegisteredOperator>> = {',
    ...registered.map((name) => `  ${name}: ${name}Entry,`),
    '}',
  ]
}

/** NAMEConfig.ts exports `NAMEFamily` if it reads a family of decoders. */
function decoderFamilies(files) {
  const found = files.flatMap(({ name, text }) => {
    const family = text.match(/^export const (\w+Family) = /m)?.[1]
    return family === undefined ? [] : [{ name, family }]
  })
  return [
    ...found.map(({ name, family }) => `import { ${family} } from './${name}.js'`),
    '',
    '/** The families of decoders that a config.json can name. */',
    `export const decoderFamilies = [${found.map(({ family }) => family).join(', ')}] as const`,
  ]
}

/** NAME.ts exports the graph `NAME`, and in `NAMEFamilies` the families that have it. */
function familyGraphs(files) {
  const found = files.flatMap(({ name, text }) => {
    const list = text.match(new RegExp(`^export const ${name}Families = \\[([^\\]]*)\\] as const$`, 'm'))?.[1]
    return list === undefined ? [] : [{ name, families: [...list.matchAll(/'([^']+)'/g)].map(([, family]) => family) }]
  })
  const rows = found.flatMap(({ name, families }) => families.map((family) => ({ name, family })))
  return [
    ...found.map(({ name }) => `import { ${name} } from './${name}.js'`),
    '',
    '/** The function that writes the graph of each family of decoders. */',
    'export const familyGraphs = {',
    ...rows.map(({ name, family }) => `  ${family}${family === name ? '' : `: ${name}`},`),
    '}',
  ]
}

const lists = [
  ['operators', operators],
  ['src/models/checkpoint/families', decoderFamilies],
  ['src/models/graph/families', familyGraphs],
]

for (const [folder, linesOf] of lists) {
  const lines = [
    '// Written by `npm run build` from the files of this folder; see src/lists.mjs.',
    ...linesOf(filesOf(folder)),
    '',
  ]
  const index = fileURLToPath(new URL(`../${folder}/index.ts`, import.meta.url))
  if (readFileSync(index, { encoding: 'utf8', flag: 'a+' }) === lines.join('\n')) continue
  if (!process.argv.includes('--check')) writeFileSync(index, lines.join('\n'))
  else {
    process.stderr.write(`${folder}/index.ts is not current: run \`npm run build\`\n`)
    process.exitCode = 1
  }
}
