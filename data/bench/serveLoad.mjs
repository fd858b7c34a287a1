// Loads a server on loopback, after npm run build: `node data/bench/serveLoad.mjs [seconds] [connections]`. It starts the program with the embedded
// models and measures the time a token of 64 streaming clients beside that of `generate` with 64 sequences, before and after them in the same run;
// what a prompt of 2,000 tokens does to running streams; and what becomes of the process after connections that come and go and bad requests.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { args, generate, loadModels } from '../../dist/src/index.js'

const CLIENTS = 64
const TOKENS = 64
const LONG = 2000
const seconds = Number(process.argv[2] ?? 60)
const connections = Number(process.argv[3] ?? 10_000)
const root = fileURLToPath(new URL('../../', import.meta.url))
const promptOf = (at) => `\n\nHuman: Tell me about the number ${at}.\n\nAssistant:`
const print = (name, value) => process.stdout.write(`${name.padEnd(52)} ${value}\n`)

const quantile = (values, q) => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
}
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length
const told = (values) =>
  `mean ${mean(values).toFixed(1)} ms, p50 ${quantile(values, 0.5).toFixed(1)} ms, p95 ${quantile(values, 0.95).toFixed(1)} ms (${values.length} tokens)`

/** The embedded models with room for long prompts. Their positions are rotary, so only the limit changes. */
async function roomyModels() {
  const folder = await mkdtemp(join(tmpdir(), 'rxargs-load-'))
  for (const name of ['chat-lm', 'chat-rm']) {
    await cp(`${root}data/models/${name}`, join(folder, name), { recursive: true })
    const config = JSON.parse(await readFile(join(folder, name, 'config.json'), 'utf8'))
    await writeFile(join(folder, name, 'config.json'), JSON.stringify({ ...config, max_position_embeddings: 4096 }))
  }
  return folder
}

/** Times between the tokens of each sequence of `generate`, the first token aside. */
async function offline(models, forSeconds) {
  const until = performance.now() + forSeconds * 1000
  const [last, gaps] = [new Map(), []]
  async function* source() {
    for (let at = 0; at < CLIENTS || performance.now() < until; at++)
      yield { id: String(at), content: { text: promptOf(at % CLIENTS) } }
  }
  const onToken = ({ key }) => {
    const now = performance.now()
    if (last.has(key.id)) gaps.push(now - last.get(key.id))
    last.set(key.id, now)
  }
  for await (const { error } of generate(source(), args(), models, {
    concurrency: CLIENTS,
    maxNewTokens: TOKENS,
    observe: { onToken },
  }))
    if (error !== null) throw new Error(error)
  return gaps
}

async function serving(folder) {
  const models = ['--lm', join(folder, 'chat-lm'), '--reward', join(folder, 'chat-rm')]
  const child = spawn(process.execPath, [`${root}dist/src/cli/main.js`, 'serve', '--port', '0', ...models])
  for (let said = ''; ; ) {
    said += String((await Promise.race([once(child.stderr, 'data'), once(child, 'close')]))[0])
    const url = said.match(/ at (http:\S+)\n/)?.[1]
    if (url) return { child, url }
    if (child.exitCode !== null) throw new Error(said)
  }
}

const post = (url, body) =>
  fetch(`${url}/v1/completions`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
  })

/** Figures of the server, from /metrics. */
async function figures(url) {
  const text = await (await fetch(`${url}/metrics`)).text()
  return (name) => Number(text.match(new RegExp(`^${name} (\\S+)`, 'm'))?.[1])
}

async function memoryOf(url) {
  const figure = await figures(url)
  const megabytes = (name) => `${(figure(name) / 2 ** 20).toFixed(0)} MB`
  return `${megabytes('process_resident_memory_bytes')}, JavaScript heap ${megabytes('nodejs_heap_size_used_bytes')}`
}

/** Streams one reply. `onGap` gets the time of each token but the first; tokens that come together have taken the time of one, and none. */
async function stream(url, body, onGap) {
  let [last, text] = [undefined, '']
  const response = await post(url, { max_tokens: TOKENS, stream: true, ...body })
  for await (const part of response.body) {
    const came = Buffer.from(part).toString()
    text += came
    const now = performance.now()
    const tokens = came.split('"finish_reason":null').length - 1
    for (let at = 0; at < tokens; at++) {
      if (last !== undefined) onGap(now - last)
      last = now
    }
  }
  return text.endsWith('data: [DONE]\n\n') && !text.includes('"error"')
}

/** Streams again and again until `isOver`. */
async function streams(url, clients, isOver, onGap) {
  const ended = { whole: 0, dropped: 0 }
  const client = async (_, at) => {
    while (!isOver()) ended[(await stream(url, { prompt: promptOf(at) }, onGap).catch(() => false)) ? 'whole' : 'dropped']++
  }
  await Promise.all(Array.from({ length: clients }, client))
  return ended
}

async function measureClients(url, reference) {
  const until = performance.now() + seconds * 1000
  const gaps = []
  const ended = await streams(
    url,
    CLIENTS,
    () => performance.now() > until,
    (gap) => gaps.push(gap),
  )
  reference.push(...(await offlineAgain()))
  print(`generate, ${CLIENTS} sequences: time a token`, told(reference))
  print(`serve, ${CLIENTS} clients for ${seconds} s: time a token`, told(gaps))
  print('ratio of the p95', (quantile(gaps, 0.95) / quantile(reference, 0.95)).toFixed(2))
  print('streams', `${ended.whole} whole, ${ended.dropped} dropped`)
}

/** Times a token of 16 streams, while prompts of 2,000 tokens are read and otherwise. */
async function measureLongPrompts(url) {
  const [alone, beside] = [[], []]
  let isReading = false
  let isOver = false
  const running = streams(
    url,
    16,
    () => isOver,
    (gap) => (isReading ? beside : alone).push(gap),
  )
  for (let round = 0; round < 4; round++) {
    await sleep(Math.min(3000, seconds * 50))
    isReading = true
    // Token ids, another beginning each time, so that nothing of it is remembered.
    const prompt = Array.from({ length: LONG }, (_, at) => 100 + ((at * 7 + round * 31) % 3000))
    const answer = await post(url, { prompt, max_tokens: 1 })
    if (!answer.ok) throw new Error(await answer.text())
    await answer.text()
    isReading = false
  }
  isOver = true
  await running
  print('16 streams: time a token', told(alone))
  print(`16 streams while ${LONG} tokens are read: time a token`, told(beside))
  const ratios = [mean, ...[0.5, 0.95].map((q) => (values) => quantile(values, q))].map((of) => of(beside) / of(alone))
  print('ratio of the mean, the p50, the p95', ratios.map((ratio) => ratio.toFixed(2)).join(', '))
}

/** Connects and leaves: in the middle of a stream, of a body, and of the headers. */
async function comeAndGo(url) {
  const { hostname, port } = new URL(url)
  const body = JSON.stringify({ prompt: 'x', max_tokens: 500, stream: true })
  const head = `POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
  const one = async (_, at) => {
    const socket = connect(Number(port), hostname).on('error', () => undefined)
    socket.write(at % 10 === 0 ? head + body : at % 2 === 0 ? head : 'GET /')
    await once(socket, 'connect').catch(() => undefined)
    await sleep(20)
    socket.destroy()
  }
  for (let at = 0; at < connections; at += 100) await Promise.all(Array.from({ length: Math.min(100, connections - at) }, one))
}

const folder = await roomyModels()
const models = await loadModels({ lm: join(folder, 'chat-lm'), reward: join(folder, 'chat-rm') })
const offlineAgain = () => offline(models, seconds * 0.3)
await offline(models, 0)
const reference = await offlineAgain()
const { child, url } = await serving(folder)
try {
  await stream(url, { prompt: promptOf(0) }, () => undefined)
  print(
    'load of the machine',
    loadavg()
      .map((load) => load.toFixed(1))
      .join(', '),
  )
  print('memory of the server before', await memoryOf(url))
  await measureClients(url, reference)
  await models.close()
  print('memory after the streams', await memoryOf(url))
  await measureLongPrompts(url)
  print('memory after long prompts', await memoryOf(url))
  for (const part of [1, 2]) {
    await comeAndGo(url)
    await sleep(2000)
    print(`memory after ${part * connections} connections`, await memoryOf(url))
  }
  for (let at = 0; at < 1000; at += 50)
    await Promise.all(Array.from({ length: 50 }, async () => (await post(url, { prompt: 1, nothing: true })).text()))
  await sleep(2000)
  print('memory after 1000 errors', await memoryOf(url))
  print('replies running afterwards', (await figures(url))('rxargs_replies_running'))
  print('a request afterwards', (await stream(url, { prompt: promptOf(0) }, () => undefined)) ? 'whole' : 'failed')
  child.kill('SIGTERM')
  print('exit code', (await once(child, 'close'))[0])
} finally {
  child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
}
