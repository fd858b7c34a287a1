// Measures what grows with the number of prompts. Run it after `npm run build`: node data/bench/million.mjs [scan|finished|run|writing] [rows] [tokens]
//   scan      rows of JSONL that are read, hashed and skipped (1,000,000)
//   finished  how long a run takes to see that all its rows are there (100,000)
//   run       peak memory, wall time and CPU time of `rxargs generate` at 1,000 prompts (median of five runs), 10,000, 30,000 and this many (100,000)
//   writing   what part files add to the time of a run with the smallest random pair, by turns with a run whose rows nobody keeps (2,000; 1 token a reply)
// Wall time depends on what else the machine does, so all tell CPU time, too. Linux only.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { args } from '../../dist/pipelines/decoders/args.js'
import { generate } from '../../dist/pipelines/run/generate.js'
import { jobs } from '../../dist/pipelines/run/jobs.js'
import { fromFile } from '../../dist/src/io/fromFile.js'
import { toParquet } from '../../dist/src/io/toParquet.js'
import { pairSizes, writeRandomPair } from '../../dist/src/models/checkpoint/writeRandomPair.js'
import { loadModels } from '../../dist/src/models/loadModels.js'
import { Observable } from '../../dist/src/rxjs.js'

const ROUNDS = 7
const SHORT_RUNS = 5
/** Ticks of the kernel's clock in a second. */
const TICKS = 100
const folder = await mkdtemp(join(tmpdir(), 'rxargs-million-'))
const say = (line) => process.stdout.write(`${line}\n`)

async function writePrompts(path, rows) {
  const file = await open(path, 'w')
  for (let from = 0; from < rows; from += 10_000) {
    const lines = Array.from({ length: Math.min(10_000, rows - from) }, (_, at) =>
      JSON.stringify({ id: `row-${from + at}`, prompt: `Tell me about the number ${from + at} and why it matters.` }),
    )
    await file.writeFile(`${lines.join('\n')}\n`)
  }
  await file.close()
}

async function measured(name, rows, work) {
  const [cpu, started] = [process.cpuUsage(), performance.now()]
  await work()
  const { user, system } = process.cpuUsage(cpu)
  const [wall, busy] = [(performance.now() - started) / 1000, (user + system) / 1e6]
  const rss = Math.round(process.memoryUsage.rss() / 2 ** 20)
  say(
    `${name}: ${rows} rows in ${wall.toFixed(1)} s (${Math.round(rows / wall)} rows/s), ${busy.toFixed(1)} CPU s (${Math.round(rows / busy)} rows/s), RSS ${rss} MiB`,
  )
}

const row = (number) => ({
  ...{ id: `row-${number}`, sample: 0, prompt: `Tell me about ${number}`, completion: 'a few words', promptTokenIds: [1, 2, 3] },
  ...{ tokenIds: [4, 5], finishReason: 'stop', error: null, reward: 0.5, rewards: [1, 2], logits: [1, 2], scores: [1, 2] },
  ...{
    seed: 0,
    promptTokens: 3,
    completionTokens: 2,
    startedAt: 1e12,
    durationMs: 5,
    promptHash: String(number).padStart(16, '0'),
  },
})

/** A run of rows that cost nothing to make, so that only the folder's work is measured. */
const runOf = (rows) => ({
  meta: { version: '0.1.0', spec: {}, seed: 0, models: {} },
  deliveries: ({ done } = {}) =>
    new Observable((subscriber) => {
      let number = 0
      const next = () => {
        while (number < rows && (done?.(row(number)) ?? false)) number++
        if (number === rows) return subscriber.complete()
        subscriber.next({ row: row(number++), taken: () => setImmediate(next) })
      }
      next()
    }),
})

/** Runs the program and reads its peak memory and CPU seconds from the kernel. */
function program(args) {
  return new Promise((resolve) => {
    const started = performance.now()
    const child = spawn(process.execPath, ['dist/src/cli/main.js', ...args], { stdio: 'ignore' })
    let [peak, busy] = [0, 0]
    const timer = setInterval(async () => {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '')
      peak = Math.max(peak, Number(status.match(/VmHWM:\s+(\d+)/)?.[1] ?? 0) / 1024)
      const times = await readFile(`/proc/${child.pid}/stat`, 'utf8').catch(() => '')
      const [, user, system] = times.match(/\) \S (?:\S+ ){10}(\d+) (\d+)/) ?? []
      if (user !== undefined) busy = (Number(user) + Number(system)) / TICKS
    }, 200)
    child.once('close', (code) => {
      clearInterval(timer)
      resolve({ code, busy, peak: Math.round(peak), seconds: (performance.now() - started) / 1000 })
    })
  })
}

const smallest = () => pairSizes.parse({ d: 8, layers: 1, heads: 2, vocab: 257, ffn: 8, context: 128 })

/** CPU time of the whole process and of the thread that decodes and writes, and wall time, in milliseconds. Linux only. */
function times() {
  const { user, system } = process.cpuUsage()
  const [own] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')
  return [(user + system) / 1000, Number(own) / 1e6, performance.now()]
}

/** Takes rows and forgets them. */
const forget = (run) =>
  new Promise((resolve, reject) => {
    run.deliveries().subscribe({ next: ({ taken }) => taken(), error: reject, complete: resolve })
  })

const median = (values) => [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)]

const measures = {
  async scan(rows = 1_000_000) {
    const path = join(folder, 'prompts.jsonl')
    await writePrompts(path, rows)
    await measured('read, hashed and skipped', rows, async () => {
      for await (const _ of jobs(fromFile(path), { samples: 1, done: () => true }));
    })
  },
  async finished(rows = 100_000) {
    const out = join(folder, 'rows')
    await measured('written', rows, () => toParquet(out, runOf(rows)))
    await measured('seen to be there', rows, () => toParquet(out, runOf(rows)))
  },
  async run(rows = 100_000) {
    await writeRandomPair(folder, smallest())
    const pair = ['--lm', join(folder, 'lm'), '--reward', join(folder, 'reward')]
    const short = []
    for (const [round, count] of [...Array(SHORT_RUNS).fill(1_000), 10_000, 30_000, rows].entries()) {
      const [path, out] = [join(folder, `${count}.jsonl`), join(folder, `out-${round}`)]
      await writePrompts(path, count)
      const { code, busy, peak, seconds } = await program(['generate', path, ...pair, '--max-new-tokens', '1', '-o', out])
      if (round < SHORT_RUNS) short.push(peak)
      const base = median(short)
      const more = round < SHORT_RUNS ? '' : `, ${(100 * (peak / base - 1)).toFixed(1)}% more than ${base} MiB at 1000`
      say(
        `generate: ${count} prompts, code ${code}, ${seconds.toFixed(1)} s, ${busy.toFixed(1)} s of CPU, peak RSS ${peak} MiB${more}`,
      )
    }
  },
  async writing(rows = 2_000, tokens = 1) {
    await writeRandomPair(folder, smallest())
    const models = await loadModels({ lm: join(folder, 'lm'), reward: join(folder, 'reward') })
    const path = join(folder, 'prompts.jsonl')
    await writePrompts(path, rows)
    const run = () => generate(fromFile(path), args(), models, { maxNewTokens: tokens })
    // Parts have their full size, as they do after the first 1,336 rows of a run.
    const policy = () => ({ rows: 1000, milliseconds: 600_000 })
    const sinks = { forgotten: forget, written: (one, round) => toParquet(join(folder, `part-${round}`), one, { policy }) }
    const taken = { forgotten: [], written: [] }
    for (let round = 0; round <= ROUNDS; round++)
      for (const [name, sink] of Object.entries(sinks)) {
        const before = times()
        await sink(run(), round)
        // The first round warms up.
        if (round > 0) taken[name].push(times().map((after, at) => ((after - before[at]) * 1000) / rows))
      }
    const wall = median(taken.forgotten.map((all) => all[2]))
    for (const [at, what] of [
      'CPU time of all threads',
      'CPU time of the thread that decodes and writes',
      'wall time',
    ].entries()) {
      const [forgotten, written] = Object.values(taken).map((each) => each.map((all) => all[at]))
      const listed = (values) => values.map((value) => value.toFixed(0)).join(', ')
      const added = median(written.map((value, round) => value - forgotten[round]))
      say(
        `${what}, µs a row: forgotten ${listed(forgotten)}; written ${listed(written)}; median difference ${added.toFixed(1)}, ${((100 * added) / wall).toFixed(1)}% of ${wall.toFixed(0)} µs of wall time`,
      )
    }
    await models.close()
  },
}

const [name, ...numbers] = process.argv.slice(2)
for (const [each, measure] of Object.entries(measures))
  if (name === undefined || name === each) await measure(...numbers.map(Number))
await rm(folder, { recursive: true })
