// Measures what observers cost a run: CPU time of `generate` with the smallest random pair, by turns without one and with that of --metrics-port.
// Run it after `npm run build`: node data/bench/observe.mjs [rounds] [folder of another build, such as one without the calls of observers]
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const PROMPTS = 1_000
const TOKENS = 4
const [rounds = '15', other] = process.argv.slice(2)

/** CPU time of the whole process and of its main thread, in milliseconds. The models run in other threads. Linux only. */
function cpuTimes() {
  const { user, system } = process.cpuUsage()
  const [own] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')
  return [(user + system) / 1000, Number(own) / 1e6]
}

const folder = await mkdtemp(join(tmpdir(), 'rxargs-observe-'))
const prompts = Array.from({ length: PROMPTS }, (_, at) => ({
  id: `row-${at}`,
  content: { text: `Tell me about ${at} and why it matters.` },
}))

/** What a build decodes with, and the observer of its metrics. */
async function openBuild(path) {
  const load = (file) => import(pathToFileURL(resolve(path, file)).href)
  const { args, generate, loadModels } = await load('src/index.js')
  const { pairSizes, writeRandomPair } = await load('src/models/checkpoint/writeRandomPair.js')
  const { collectMetrics } = await load('src/watch/metrics.js')
  await writeRandomPair(folder, pairSizes.parse({ d: 8, layers: 1, heads: 2, vocab: 257, ffn: 8, context: 128 }))
  const models = await loadModels({ lm: join(folder, 'lm'), reward: join(folder, 'reward') })
  const { observer } = await collectMetrics('this program')
  const decode = async (observe) => {
    const before = cpuTimes()
    for await (const { error } of generate(prompts, args(), models, { maxNewTokens: TOKENS, observe }))
      if (error) throw new Error(error)
    return cpuTimes().map((after, at) => ((after - before[at]) * 1000) / (PROMPTS * TOKENS))
  }
  return { observer, decode, close: () => models.close() }
}

const build = await openBuild('dist')
const beside = other && (await openBuild(other))
const runs = {
  ...(beside && { 'other build': () => beside.decode() }),
  off: () => build.decode(),
  metrics: () => build.decode(build.observer),
}
const times = Object.fromEntries(Object.keys(runs).map((name) => [name, []]))
const names = Object.keys(runs)
/** Rounds before the first that counts. */
const WARM_UP = 2
for (let round = 0; round < WARM_UP + Number(rounds); round++)
  for (const index of names.keys()) {
    // Each round begins with another one, so that none always runs first.
    const name = names[(round + index) % names.length]
    const micros = await runs[name]()
    if (round >= WARM_UP) times[name].push(micros)
  }
const median = (values) => [...values].sort((one, another) => one - another)[Math.floor(values.length / 2)]
for (const [at, thread] of ['all threads', 'main thread'].entries())
  for (const name of names) {
    const values = times[name].map((each) => each[at])
    const listed = values.map((value) => value.toFixed(0)).join(', ')
    process.stdout.write(
      `${thread}, ${name}: µs of CPU a token ${listed}; least ${Math.min(...values).toFixed(0)}, median ${median(values).toFixed(0)}\n`,
    )
  }
await build.close()
await beside?.close()
await rm(folder, { recursive: true })
