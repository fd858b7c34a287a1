import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { tempFolder } from '../../tempFolder.js'
import { finished, pair, root, started } from './rxargs.js'

type Running = Readonly<{ url: string; child: ReturnType<typeof started> }>

/** Starts `rxargs serve` on a free port and waits until it listens. */
const serving = (...flags: string[]): Promise<Running> => listening(started(['serve', '--port', '0', ...flags]))

async function listening(child: Running['child']): Promise<Running> {
  let said = ''
  for await (const [data] of on(child.stderr)) {
    said += data
    const url = said.match(/ at (http:\/\/\S+)\n/)?.[1]
    if (url !== undefined) return { child, url }
  }
  throw new Error(`the server did not start: ${said}`)
}

async function* on(stream: NodeJS.ReadableStream): AsyncGenerator<[string]> {
  for (;;) yield [String((await once(stream, 'data'))[0])]
}

const post = (url: string, body: object, init: RequestInit = {}) =>
  fetch(`${url}/v1/completions`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
    ...init,
  })

describe('rxargs serve', { timeout: 180_000 }, () => {
  let running: Running
  beforeAll(async () => {
    running = await serving()
  }, 180_000)
  afterAll(() => void running.child.kill('SIGKILL'))

  it('answers the requests that its page shows', async () => {
    const page = await readFile(`${root}src/server/README.md`, 'utf8')
    const commands = [...page.matchAll(/^curl (?:.*\\\n)*.*$/gm)].map(([command]) => command)
    expect(commands.length).toBeGreaterThan(1)
    for (const command of commands) {
      const { stdout } = await promisify(execFile)('bash', ['-c', command.replace('http://127.0.0.1:8000', running.url)])
      expect(stdout).toMatch(/"model":"chat-lm"/)
      expect(stdout).toContain('"rewards":{"chat-rm":')
    }
  })

  it.skipIf(process.platform === 'win32')('finishes running replies at SIGTERM, and exits with 0', async () => {
    const ended = finished(running.child)
    const response = await post(running.url, { prompt: 'Hello', max_tokens: 200, stream: true, rxargs: { decoder: 'nucleus' } })
    const reader = response.body!.getReader()
    await reader.read()
    running.child.kill('SIGTERM')
    let text = ''
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += new TextDecoder().decode(part.value)
    expect(text).toMatch(/data: \[DONE\]\n\n$/)
    expect((await ended).code).toBe(0)
    await expect(post(running.url, { prompt: 'Hello' })).rejects.toThrow()
  })
})

it('serves with keys of the environment, metrics, and another name', { timeout: 180_000 }, async () => {
  process.env.RXARGS_SERVE_API_KEYS = 'one, two'
  const { url, child } = await serving(...pair, '--name', 'tiny', '--decoder', 'greedy', '--max-new-tokens', '3')
  delete process.env.RXARGS_SERVE_API_KEYS
  try {
    expect((await fetch(`${url}/metrics`)).status).toBe(401)
    const headers = { 'content-type': 'application/json', authorization: 'Bearer two' }
    const answer = await (await post(url, { model: 'tiny', prompt: 'Say' }, { headers })).json()
    const { model, usage } = answer as { model: string; usage: { completion_tokens: number } }
    expect(model).toBe('tiny')
    expect(usage.completion_tokens).toBeLessThanOrEqual(3)
    const metrics = await (await fetch(`${url}/metrics`, { headers })).text()
    expect(metrics).toContain(`rxargs_tokens_total{kind="completion"} ${usage.completion_tokens}\n`)
    expect(metrics).toMatch(/^rxargs_requests_total\{route="\/v1\/completions",status="200"\} 1$/m)
  } finally {
    child.kill('SIGKILL')
  }
})

it.each([
  [['--port', '70000'], /^rxargs: Expected `--port` to be an integer from 0 to 65535, got `70000`\n$/],
  [['--cors', '*'], /^rxargs: Expected `--cors` to be an origin/],
  [['--k', '300'], /^rxargs: Expected `--k` to be at most 256, the candidates/],
  [['--max-new-tokens', '1024'], /^rxargs: Expected `--max-new-tokens` to be below the context of 1024/],
  [['--max-n', '0'], /^rxargs: Expected `--max-n` to be an integer >= 1/],
])('refuses %j', { timeout: 180_000 }, async (flags, message) => {
  const { code, stderr } = await finished(started(['serve', ...flags]))
  expect([code, stderr]).toEqual([2, expect.stringMatching(message)])
})

it('says in one line which packages are missing', { timeout: 180_000 }, async () => {
  const hooks = `export const resolve = (name, context, next) => {
    if (!/^(@hono|hono)/.test(name)) return next(name, context)
    throw Object.assign(new Error("Cannot find package 'hono' imported from here"), { code: 'ERR_MODULE_NOT_FOUND' })
  }`
  const data = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`
  const without = data(`import { register } from 'node:module'; register(${JSON.stringify(data(hooks))})`)
  const run = promisify(execFile)(process.execPath, ['--import', without, `${root}dist/src/cli/main.js`, 'serve', ...pair])
  await expect(run).rejects.toMatchObject({
    code: 2,
    stderr: 'rxargs: `rxargs serve` needs two more packages: npm install hono @hono/node-server\n',
  })
})

it('names a port that is taken', { timeout: 180_000 }, async () => {
  const { url, child } = await serving(...pair)
  const { code, stderr } = await finished(started(['serve', ...pair, '--port', new URL(url).port]))
  child.kill('SIGKILL')
  expect([code, stderr.split('\n').at(-2)]).toEqual([
    1,
    expect.stringMatching(/^rxargs: Port \d+ of 127.0.0.1 is taken .*EADDRINUSE.*`--port 0`/),
  ])
})

describe.skipIf(process.platform === 'win32')('whoever started the server is gone', { timeout: 180_000 }, () => {
  const flags = ['serve', '--port', '0', ...pair]
  const isThere = (url: string) =>
    fetch(`${url}/health`).then(
      () => true,
      () => false,
    )

  let folder: string
  tempFolder((path) => {
    folder = path
  })

  it('ends with the npx that runs it', async () => {
    await mkdir(join(folder, 'node_modules/.bin'), { recursive: true })
    await writeFile(join(folder, 'package.json'), '{}')
    await symlink(`${root}dist/src/cli/main.js`, join(folder, 'node_modules/.bin/rxargs'))
    const { url, child } = await listening(spawn('npx', ['rxargs', ...flags], { cwd: folder }))
    expect(await isThere(url)).toBe(true)
    child.kill('SIGTERM')
    await vi.waitUntil(async () => !(await isThere(url)), { timeout: 60_000, interval: 200 })
  })

  it('goes on as a daemon', async () => {
    const node = `${process.execPath} ${root}dist/src/cli/main.js`
    // The shell starts it in the background, tells its id and ends.
    const shell = spawn('sh', ['-c', `${node} ${flags.join(' ')} & echo $!`])
    const [pid] = (await once(shell.stdout, 'data')) as [Buffer]
    const { url } = await listening(shell)
    await new Promise((resolve) => setTimeout(resolve, 2000))
    expect(await isThere(url)).toBe(true)
    process.kill(Number(pid), 'SIGKILL')
  })
})
