// Loads a server on loopback: `node test/src/server/load.mjs [seconds] [connections]` (after npm run build). It compares the time a token with that
// of `generate` at the same number of sequences, and prints what became of the process.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { args, generate, loadModels } from '../../../dist/src/index.js'

const CLIENTS = 64
const TOKENS = 64
const seconds = Number(process.argv[2] ?? 60)
const connections = Number(process.argv[3] ?? 10_000)
const root = fileURLToPath(new URL('../../../', import.meta.url))
const path = (name) => `${root}data/models/${name}`
const prompts = Array.from({ length: CLIENTS }, (_, at) => `\n\nHuman: Tell me about the number ${at}.\n\nAssistant:`)
const quantile = (values, q) => values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))]
const print = (name, value) => process.stdout.write(`${name.padEnd(44)} ${value}\n`)
const ms = (values) => `p50 ${quantile(values, 0.5).toFixed(1)} ms, p95 ${quantile(values, 0.95).toFixed(1)} ms`

/** Times between the tokens of each sequence, the first token aside. */
async function offline() {
  const models = await loadModels({ lm: path('chat-lm'), reward: path('chat-rm') })
  const [last, gaps] = [new Map(), []]
  const source = async function* () {
    for (const [at, text] of prompts.entries()) yield { id: String(at), content: { text } }
  }
  const onEvent = ({ type, key }) => {
    if (type !== 'token') return
    const now = performance.now()
    if (last.has(key.id)) gaps.push(now - last.get(key.id))
    last.set(key.id, now)
  }
  const run = generate(source(), args(), models, { concurrency: CLIENTS, maxNewTokens: TOKENS, onEvent })
  for await (const _ of run);
  await models.close()
  return gaps
}

async function serving() {
  const child = spawn(process.execPath, [`${root}dist/src/cli/main.js`, 'serve', '--port', '0'], { cwd: root })
  for (let said = ''; ; ) {
    said += String((await once(child.stderr, 'data'))[0])
    const url = said.match(/ at (http:\S+)\n/)?.[1]
    if (url) return { child, url }
  }
}

const memory = ({ pid }) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) / 1024
const post = (url, body, signal) =>
  fetch(`${url}/v1/completions`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), signal },
  })

/** Streams one reply and gives the times between its tokens. */
async function stream(url, prompt) {
  const gaps = []
  let [last, text] = [undefined, '']
  const response = await post(url, { prompt, max_tokens: TOKENS, stream: true })
  for await (const part of response.body) {
    text += Buffer.from(part).toString()
    const now = performance.now()
    if (last !== undefined) gaps.push(now - last)
    last = now
  }
  return { gaps, whole: text.endsWith('data: [DONE]\n\n') && !text.includes('"error"') }
}

const reference = await offline()
const { child, url } = await serving()
await stream(url, prompts[0])
print('generate, 64 sequences: time a token', ms(reference))
print('memory of the server before', `${memory(child).toFixed(0)} MB`)

const until = performance.now() + seconds * 1000
const [gaps, ended] = [[], { whole: 0, dropped: 0 }]
await Promise.all(
  prompts.map(async (prompt) => {
    while (performance.now() < until) {
      const one = await stream(url, prompt).catch(() => ({ gaps: [], whole: false }))
      ended[one.whole ? 'whole' : 'dropped']++
      gaps.push(...one.gaps)
    }
  }),
)
print(`serve, 64 clients for ${seconds} s: time a token`, ms(gaps))
print('ratio of the p95', (quantile(gaps, 0.95) / quantile(reference, 0.95)).toFixed(2))
print('streams', `${ended.whole} whole, ${ended.dropped} dropped`)
print('memory after the streams', `${memory(child).toFixed(0)} MB`)

const { hostname, port } = new URL(url)
for (let at = 0; at < connections; at += 100)
  await Promise.all(
    Array.from({ length: 100 }, async (_, n) => {
      const socket = connect(Number(port), hostname)
      socket.on('error', () => undefined)
      const body = JSON.stringify({ prompt: 'x', max_tokens: 500, stream: true })
      const head = `POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
      socket.write(n % 10 === 0 ? head + body : n % 2 === 0 ? head : 'GET /')
      await once(socket, 'connect').catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, 20))
      socket.destroy()
    }),
  )
for (let at = 0; at < 1000; at += 50)
  await Promise.all(Array.from({ length: 50 }, () => post(url, { prompt: 1, nothing: true }).then((answer) => answer.text())))
await new Promise((resolve) => setTimeout(resolve, 2000))
const metrics = await (await fetch(`${url}/metrics`)).text()
print(`memory after ${connections} connections and 1000 errors`, `${memory(child).toFixed(0)} MB`)
print('replies running afterwards', metrics.match(/^rxargs_replies_running (\d+)/m)[1])
print('a request afterwards', (await stream(url, prompts[0])).whole ? 'whole' : 'failed')
child.kill('SIGTERM')
print('exit code', (await once(child, 'close'))[0])
