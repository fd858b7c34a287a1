// Writes operators/index.ts from the files beside it, so that an operator is one file and its test. `npm run build` runs it;
// `node src/lists.mjs --check` only tells whether the list is current.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../operators/', import.meta.url))
const index = `${folder}index.ts`

const names = readdirSync(folder)
  .filter((file) => file.endsWith('.ts') && file !== 'index.ts')
  .map((file) => file.slice(0, -'.ts'.length))
  .sort()
const registered = names.filter((name) => readFileSync(`${folder}${name}.ts`, 'utf8').includes(`export const ${name}Entry `))

const text = [
  '// Written by `npm run build` from the files of this folder; see src/lists.mjs.',
  ...registered.map((name) => `import { ${name}Entry } from './/${name}.js'`),
  "import type { RegisteredOperator } from '../src/core/registryEntry.js'",
  '',
  ...names.map((name) => `export { ${name} } from './/${name}.js'`),
  ...names.map((name) => `export type * from './/${name}.js'`),
  '',
  '/** The operators that pipelines can name, under the names of their files. */',
  'export const operators: Readonly<Record<string, RegisteredOperator>> = {',
  ...registered.map((name) => `  ${name}: ${name}Entry,`),
  '}',
  '',
].join('\n')

const isCurrent = readFileSync(index, { encoding: 'utf8', flag: 'a+' }) === text
if (process.argv.includes('--check')) process.exitCode = isCurrent ? 0 : 1
else if (!isCurrent) writeFileSync(index, text)
