import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type JsonServer, jsonServer } from '../../test/src/models/remote/jsonServer.js'
import { type JudgeServer, judgeServer } from '../../test/src/models/remote/judgeServer.js'
import { type LmServer, lmServer } from '../../test/src/models/remote/lmServer.js'
import { blocksOf, pages, root } from './pages.js'

/** Commands that pages show and this test does not run, each with the reason. */
const NOT_RUN: readonly (readonly [command: RegExp, reason: string])[] = [
  [/^npm ci\b/, 'installs from the registry; .ci/run runs it'],
  [/^npm (start|test|run test:slow)\b/, '.ci/run runs it'],
  [/^npx vitest\b/, 'runs this suite'],
  [/^pip install\b/, 'installs from the registry'],
  [/^npm install hono\b/, 'installs from the registry'],
  [
    /^(npm i bullmq|export RXARGS_QUEUE|rxargs (submit|worker|status|verify \/shared))/,
    'needs a server; test/src/cli/worker.slow.test.ts runs it',
  ],
  [/^(docker|kubectl)\b/, 'needs Docker or Kubernetes; test/data/deploy checks the files by their schemas'],
  [/^npx rxargs serve\b/, 'runs until it is stopped; test/src/cli/serve.slow.test.ts starts it'],
  [/^curl http:\/\/127/, 'needs that server; test/src/cli/serve.slow.test.ts runs it'],
  [/^npm run real\b/, 'downloads a model, then decodes for an hour; test/data/real tests its parts'],
  [/^lm=|--lm \$lm\b/, 'needs the model that npm run real downloads'],
  [/^npm run bench\b/, 'needs PyTorch and an idle machine, and writes data/bench'],
]
const reasonOf = (command: string): string | undefined => NOT_RUN.find(([pattern]) => pattern.test(command))?.[1]

/** The commands of a block: lines joined at a backslash, without their comments. */
const commandsOf = (block: string): string[] =>
  block
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#\s.*$/, '').trim())
    .filter((line) => line !== '')
    .flatMap((line) => line.split(' && '))

const shown = pages
  .map((page) => {
    const blocks = blocksOf(page).filter(({ language }) => language === 'sh')
    return { path: page.path, commands: blocks.flatMap(({ text }) => commandsOf(text)) }
  })
  .filter(({ commands }) => commands.length > 0)

/** Files that pages name first in a comment and show whole: `// polite.js`. */
const shownFiles = pages.flatMap((page) =>
  blocksOf(page).flatMap(({ text }) => {
    const name = text.match(/^(?:\/\/|#) ([\w-]+\.(?:js|mjs|yaml|json|txt))\n/)?.[1]
    return name === undefined ? [] : [{ name, text }]
  }),
)

/** A folder of rows that a page reads and no earlier command of the page writes, by the flags that make it. */
const runs: Readonly<Record<string, string>> = { 'out/': '', 'greedy/': '--decoder greedy', 'traced/': '--trace' }

let folder: string
let lm: LmServer
let reward: JsonServer<{ input?: string[]; inputs?: string[][]; texts?: string[] }>
let judge: JudgeServer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-commands-'))
  lm = await lmServer(join(root, 'data/models/chat-lm'))
  reward = await jsonServer(({ body }) => {
    if (body.input) return { body: JSON.stringify({ data: body.input.map(({ length }) => ({ probs: [length % 7] })) }) }
    if (body.inputs) return { body: JSON.stringify(body.inputs.map(([text]) => [{ label: 'a', score: text!.length % 7 }])) }
    return { body: JSON.stringify(body.texts!.map(({ length }) => length % 7)) }
  })
  judge = await judgeServer((_, number) => ({ text: `${(number % 9) + 1} 5` }))
})
afterAll(async () => {
  await Promise.all([lm?.close(), reward?.close(), judge?.close()])
  await rm(folder, { recursive: true, force: true })
})

/** A checkout for one page: the compiled program, data with three sample prompts, and stand-ins for a user's files. */
async function checkout(path: string): Promise<string> {
  const here = join(folder, path.replaceAll('/', '-'))
  await mkdir(join(here, 'data/prompts'), { recursive: true })
  await mkdir(join(here, 'bin'))
  await cp(join(root, 'dist'), join(here, 'dist'), { recursive: true })
  await cp(join(root, 'package.json'), join(here, 'package.json'))
  for (const name of ['node_modules', 'data/examples', 'data/models', 'data/pipelines', 'data/reproduction'])
    await symlink(join(root, name), join(here, name), 'junction')
  const prompts = (await readFile(join(root, 'data/prompts/sample.jsonl'), 'utf8')).split('\n')
  const bread = prompts.find((line) => line.includes('"bread"'))!
  const few = [bread, ...prompts.filter((line) => line !== bread).slice(0, 2)].map((line) => `${line}\n`).join('')
  for (const name of ['data/prompts/sample.jsonl', 'prompts.jsonl']) await writeFile(join(here, name), few)
  const pairs = [{ prompt: '\n\nHuman: Hello.\n\nAssistant:', completion: ' Hello! How can I help you?' }]
  await writeFile(join(here, 'pairs.jsonl'), pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(''))
  for (const [name, model] of [
    ['my-lm', 'chat-lm'],
    ['my-rm', 'chat-rm'],
    ['my-encoder', 'encoder'],
  ] as const)
    await symlink(join(root, 'data/models', model), join(here, name), 'junction')
  for (const { name, text } of shownFiles) await writeFile(join(here, name), text)
  // npx finds the checkout's own program. Starting npm for each command would only cost time.
  await writeFile(
    join(here, 'bin/npx'),
    `#!/bin/sh\n[ "$1" = rxargs ] && shift && exec node "${here}/dist/src/cli/main.js" "$@"\nexit 127\n`,
    {
      mode: 0o755,
    },
  )
  return here
}

/** Replaces the addresses on a page by those of this test's servers. */
const withServers = (command: string): string =>
  command
    .replace(/(--judge )https?:\/\/\S+/g, `$1${judge.url}`)
    .replace(/(--lm )https?:\/\/\S+/g, `$1${lm.url}`)
    .replace(/(=)https?:\/\/[^/\s]+/g, `$1${reward.url}`)

type Ended = Readonly<{ code: number | null; output: string }>
const runIn = (here: string, command: string): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const env = { ...process.env, PATH: `${here}/bin${delimiter}${process.env.PATH}` }
    const child = spawn('bash', ['-eo', 'pipefail', '-c', command], { cwd: here, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })

describe
  .skipIf(process.platform === 'win32')
  .each(shown.filter(({ commands }) => commands.some((command) => reasonOf(command) === undefined)))(
  'the commands of $path',
  ({ path, commands }) => {
    let here: string
    let exports = ''
    beforeAll(async () => {
      here = await checkout(path)
      const [written, needed] = [new Set<string>(), new Set<string>()]
      for (const command of commands) {
        for (const [name] of command.matchAll(/(?<!-o )(?<=\s)[\w-]+\/(?=\s|$)/g)) if (!written.has(name)) needed.add(name)
        for (const [, name] of command.matchAll(/-o (\S+)/g)) written.add(name!)
      }
      for (const name of needed) {
        const flags = runs[name]
        if (flags === undefined) continue
        const made = await runIn(here, `npx rxargs generate prompts.jsonl --max-new-tokens 8 ${flags} -o ${name}`)
        expect(made, name).toMatchObject({ code: 0 })
      }
    }, 120_000)

    for (const command of commands) {
      if (reasonOf(command) !== undefined) continue
      if (command.startsWith('export ')) {
        exports += `${command}\n`
        continue
      }
      const settings = exports
      it(command, { timeout: 180_000 }, async () => {
        const { code, output } = await runIn(here, settings + withServers(command))
        expect(code, output).toBe(0)
        expect(output).not.toBe('')
      })
    }
  },
)

describe('the list of commands that are not run', () => {
  const every = shown.flatMap(({ commands }) => commands)
  it.each(NOT_RUN)('has only what a page shows: %s', (pattern) =>
    expect(every.some((command) => pattern.test(command))).toBe(true),
  )
})
