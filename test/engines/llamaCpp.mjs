// A language model behind llama-cpp-python's server gives the same tokens as in this process. `npm run test:engines`
// RXARGS_LLAMA_PYTHON: a Python with llama-cpp-python[server] and gguf; without it both are built in a temporary folder (minutes).
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const VERSION = '0.3.36'
const run = (command, ...args) => promisify(execFile)(command, args, { maxBuffer: 2 ** 28 })
const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'rxargs-engines-'))
const lm = join(folder, 'lm')
const prompts = join(folder, 'prompts.jsonl')

async function python() {
  if (process.env.RXARGS_LLAMA_PYTHON) return process.env.RXARGS_LLAMA_PYTHON
  const made = join(folder, 'venv')
  await run('python3', '-m', 'venv', made)
  await run(join(made, 'bin/pip'), 'install', `llama-cpp-python[server]==${VERSION}`, 'gguf==0.19.0')
  return join(made, 'bin/python')
}

const listening = (server) =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`)))

async function freePort() {
  const server = createServer()
  const { port } = new URL(await listening(server))
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Passes requests on; of each 25 the first four go wrong: 429, 500, late, cut. */
function faultyProxy(target) {
  const faults = { 429: 0, 500: 0, late: 0, cut: 0 }
  let number = 0
  const server = createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const turn = ['429', '500', 'late', 'cut'][number++ % 25]
    if (turn) faults[turn]++
    if (turn === '429' || turn === '500') return response.writeHead(Number(turn)).end('not now')
    if (turn === 'late') await sleep(300)
    const { method, url } = request
    const answer = await fetch(`${target}${url}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: Buffer.concat(chunks),
    })
    const body = Buffer.from(await answer.arrayBuffer())
    response.writeHead(answer.status, { 'content-type': 'application/json', 'content-length': body.length })
    if (turn === 'cut') response.write(body.subarray(0, body.length / 2), () => response.destroy())
    else response.end(body)
  })
  return { server, faults }
}

const cli = here('../../dist/src/cli/main.js')
const DECODERS = {
  greedy: ['--decoder', 'greedy'],
  args: ['--k', '5', '--weight', '3', '--reward', here('../../data/golden/grouped/reward')],
}
async function decoded(decoder, ...flags) {
  const args = ['generate', prompts, '--template', 'none', '--max-new-tokens', '24', '--trace', ...DECODERS[decoder], ...flags]
  const { stdout } = await run(process.execPath, cli, ...args)
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  return rows.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** The same tokens and candidates; gives the largest difference of log-probability between the best candidate and another. */
function compared(remote, local) {
  assert.deepEqual(
    remote.map(({ error }) => error),
    local.map(() => null),
  )
  for (const field of ['token_ids', 'candidate_ids'])
    assert.deepEqual(
      remote.map((row) => row[field]),
      local.map((row) => row[field]),
    )
  const gaps = (rows) => rows.flatMap((row) => row.candidate_logits.flatMap((step) => step.map((value) => step[0] - value)))
  const [a, b] = [gaps(remote), gaps(local)]
  return Math.max(...a.map((gap, index) => Math.abs(gap - b[index])))
}

let engine
try {
  const interpreter = await python()
  await run(interpreter, here('make_checkpoint.py'), folder)
  const texts = ['Tell me of the sea.', 'Why is the sky blue?', 'A dog and a cat', 'x = 1\ny = 2', 'Once, in May, ']
  await writeFile(prompts, texts.map((prompt, id) => `${JSON.stringify({ id: String(id), prompt })}\n`).join(''))
  const port = await freePort()
  const flags = [
    '--model',
    join(folder, 'lm.gguf'),
    '--model_alias',
    'tiny',
    '--logits_all',
    'true',
    '--n_ctx',
    '512',
    '--n_threads',
    '1',
  ]
  engine = spawn(interpreter, ['-m', 'llama_cpp.server', ...flags, '--host', '127.0.0.1', '--port', port], { stdio: 'ignore' })
  const url = `http://127.0.0.1:${port}`
  for (let left = 120; ; left--) {
    if (
      await fetch(`${url}/v1/models`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      break
    assert(left > 0 && engine.exitCode === null, 'the server did not start')
    await sleep(500)
  }
  const behind = (address) => ['--lm', `${address}/v1`, '--lm-model', 'tiny', '--lm-tokenizer', lm, '--lm-prompt', 'text']
  const { server, faults } = faultyProxy(url)
  const proxy = await listening(server)
  const said = []
  for (const decoder of Object.keys(DECODERS)) {
    const local = await decoded(decoder, '--lm', lm)
    const tokens = local.reduce((sum, { token_ids: ids }) => sum + ids.length, 0)
    assert(tokens > 50, `too few tokens: ${tokens}`)
    const gap = compared(await decoded(decoder, ...behind(url)), local)
    compared(await decoded(decoder, ...behind(proxy)), local)
    said.push(`${decoder}: ${tokens} tokens equal${decoder === 'args' ? `, logprob gaps within ${gap.toExponential(1)}` : ''}`)
  }
  server.close()
  assert(Object.values(faults).every((count) => count > 0))
  const { stdout } = await run(interpreter, '-c', 'import llama_cpp; print(llama_cpp.__version__)')
  process.stdout.write(`llama-cpp-python ${stdout.trim()}: ${said.join('; ')}; the same through ${JSON.stringify(faults)}\n`)
} finally {
  engine?.kill()
  await rm(folder, { recursive: true, force: true })
}
