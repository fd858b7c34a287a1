// Writes the tables of operators/README.md, the help of src/cli/README.md and data/pipelines/schema.json from the compiled code, so that a new
// operator or flag edits no page. `npm run build` runs it; `node src/docs.mjs --check` names the pages that are not current and fails if there
// are any. Run it in the root of the repository: help shows paths from there.
import { readFileSync, writeFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { operators } from '../dist/operators/index.js'
import { pipelineSchema } from '../dist/pipelines/registry/specs/pipelineSchema.js'
import { program } from '../dist/src/cli/program.js'

const cell = (text) => text.replaceAll('|', '\\|')
const code = (text) => `\`${cell(text)}\``

function operatorRow([name, { about, options, needs, adds, changes, drops }]) {
  const fields = Object.entries(options.shape).map(([key, { description }]) =>
    description === undefined ? code(key) : `${code(key)}: ${cell(description)}`,
  )
  const effects = [
    ...Object.entries(adds).map(([field, shape]) => `+ ${code(field)} ${shape}`),
    ...changes.map((field) => `~ ${code(field)}`),
    ...drops.map((field) => `− ${code(field)}`),
  ]
  return `| ${code(name)} | ${about} | ${fields.join('; ') || 'none'} | ${needs.map(code).join(', ')} | ${effects.join(', ')} |`
}

function withOperators(page) {
  const table = [
    '| operator | what it does | options | needs | adds (+), changes (~), drops (−) |',
    '|---|---|---|---|---|',
    ...Object.entries(operators).map(operatorRow),
  ].join('\n')
  return page.replace(
    /<!-- operators -->\n[\s\S]*?<!-- \/operators -->/,
    () => `<!-- operators -->\n${table}\n<!-- /operators -->`,
  )
}

/** Each verb's help as a terminal of 80 columns shows it. */
function withHelp(page) {
  const silent = new PassThrough()
  const terminal = { stdin: silent, stdout: silent, stderr: silent, signal: new AbortController().signal }
  const helpOf = new Map(
    program(terminal).commands.map((command) => {
      command.configureHelp({ helpWidth: 80 })
      return [command.name(), command.helpInformation().trimEnd()]
    }),
  )
  return page.replace(/<!-- help (\w+) -->\n[\s\S]*?<!-- \/help -->/g, (_, name) => {
    const help = helpOf.get(name) ?? 'no such verb'
    return `<!-- help ${name} -->\n\`\`\`\n${help}\n\`\`\`\n<!-- /help -->`
  })
}

const pages = [
  ['operators/README.md', withOperators],
  ['src/cli/README.md', withHelp],
  ['data/pipelines/schema.json', () => `${JSON.stringify(pipelineSchema(), null, 2)}\n`],
]

for (const [name, current] of pages) {
  const text = readFileSync(name, 'utf8')
  if (text === current(text)) continue
  if (!process.argv.includes('--check')) writeFileSync(name, current(text))
  else {
    process.stderr.write(`${name} is not current: run \`npm run build\`\n`)
    process.exitCode = 1
  }
}
