// Measures what the queue costs beside decoding, in processor time: workers (without their engines) and the server, a job.
//   node data/bench/queue.mjs [WORKERS [JOBS [ROWS]]]
// It needs valkey-server or redis-server and /proc (Linux). Run `npm run build` first.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const main = `${root}dist/src/cli/main.js`
const [workers = 10, jobs = 20, rows = 128] = process.argv.slice(2).map(Number)
const PORT = 7379
const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
const folder = mkdtempSync(join(tmpdir(), 'rxargs-bench-queue-'))
const queue = `redis://127.0.0.1:${PORT}`
const models = ['--lm', `${root}data/golden/grouped/lm`, '--reward', `${root}data/golden/grouped/reward`]

/** Processor seconds of a process so far; undefined once it is gone. */
function cpuOf(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ')
    return { parent: Number(fields[1]), seconds: (Number(fields[11]) + Number(fields[12])) / TICKS }
  } catch {
    return undefined
  }
}

const server = ['valkey-server', 'redis-server'].find((name) => {
  try {
    execFileSync(name, ['--version'])
    return true
  } catch {
    return false
  }
})
if (server === undefined) throw new Error('Expected valkey-server or redis-server on the PATH, found neither')
const redis = spawn(server, ['--port', String(PORT), '--dir', folder, '--appendonly', 'yes', '--save', ''], { stdio: 'ignore' })
try {
  await sleep(1000)
  const memoryOf = () =>
    Number(execFileSync('redis-cli', ['-p', String(PORT), 'info', 'memory'], { encoding: 'utf8' }).match(/used_memory:(\d+)/)[1])
  const memoryBefore = memoryOf()
  const prompts = Array.from({ length: jobs * rows }, (_, index) => ({
    id: `row-${index}`,
    prompt: `Tell me about ${index}. `.repeat(10),
  }))
  writeFileSync(join(folder, 'in.jsonl'), prompts.map((prompt) => JSON.stringify(prompt)).join('\n'))
  const flags = [...models, '--max-new-tokens', '64', '--job-rows', String(rows), '--queue', queue, '-o', join(folder, 'out')]
  execFileSync(process.execPath, [main, 'submit', join(folder, 'in.jsonl'), ...flags], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const memory = memoryOf() - memoryBefore

  const seen = new Map() // pid → processor seconds at the first job, and now
  const running = new Set()
  const servedBefore = cpuOf(redis.pid).seconds
  for (let index = 0; index < workers; index++) {
    const child = spawn(process.execPath, [main, 'worker', '--exit-when-idle', '--queue', queue], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    running.add(child.pid)
    child.once('exit', () => running.delete(child.pid))
    child.stderr.on('data', (text) => {
      if (String(text).includes('Loading')) seen.set(child.pid, { kind: 'worker', from: cpuOf(child.pid).seconds, now: 0 })
    })
  }
  while (running.size > 0) {
    for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
      const pid = Number(name)
      const cpu = cpuOf(pid)
      if (cpu === undefined) continue
      if (running.has(cpu.parent) && !seen.has(pid)) seen.set(pid, { kind: 'engine', from: 0, now: 0 })
      if (seen.has(pid)) seen.get(pid).now = cpu.seconds
    }
    await sleep(100)
  }
  const sum = (kind) => [...seen.values()].filter((one) => one.kind === kind).reduce((all, { from, now }) => all + now - from, 0)
  const [engine, worker, served] = [sum('engine'), sum('worker'), cpuOf(redis.pid).seconds - servedBefore]
  const ms = (seconds) => `${((seconds * 1000) / jobs).toFixed(1)} ms`
  process.stdout.write(
    `${workers} workers, ${jobs} jobs of ${rows} rows. Processor time a job: engines ${ms(engine)}, workers ${ms(worker)}, server ${ms(served)}; ` +
      `the queue adds ${(((worker + served) / engine) * 100).toFixed(1)}%. The server held ${(memory / 1024 / jobs).toFixed(1)} KB a job.\n`,
  )
} finally {
  redis.kill()
  rmSync(folder, { recursive: true, force: true })
}
