// How long model folders take to load, and how much memory: beside reading the weights once, and beside the weights in fp32.
//
//     npm run -s build && node test/reference/measure_load.mjs FOLDER…
//
// One line of JSON a folder, each measured in a process of its own. `read_ms`: the safetensors read into memory once, by one
// process, their pages cached; `load_ms`: config, tokenizer and session, until the first call could be answered. `*_cpu_ms`: processor time, which
// other work on the machine changes less. `rss_bytes`: resident memory that loading added, once it settled; `fp32_bytes`: the weights in fp32,
// a tied embedding twice.
import { execFileSync } from 'node:child_process'
import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const PIECE = 1 << 24
const from = (path) => import(new URL(`../../dist/src/${path}`, import.meta.url).href)

/** Milliseconds of the clock and of the processor that something took. */
async function timed(name, work) {
  const startedAt = performance.now()
  const before = process.cpuUsage()
  const result = await work()
  const { user, system } = process.cpuUsage(before)
  const ms = Math.round(performance.now() - startedAt)
  return [result, { [`${name}_ms`]: ms, [`${name}_cpu_ms`]: Math.round((user + system) / 1000) }]
}

function readOnce(folder) {
  let total = 0
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.safetensors'))) {
    const file = openSync(join(folder, name))
    const bytes = Buffer.allocUnsafe(fstatSync(file).size)
    for (let done = 0; done < bytes.length; ) {
      done += readSync(file, bytes, done, Math.min(PIECE, bytes.length - done), done)
    }
    total += bytes.length
    closeSync(file)
  }
  return total
}

async function read(folder) {
  readOnce(folder)
  const [file_bytes, times] = await timed('read', () => readOnce(folder))
  return { file_bytes, ...times }
}

async function load(folder) {
  const { loadModel } = await from('models/loadModel.js')
  const { readJson } = await from('models/checkpoint/readJson.js')
  const { readConfig } = await from('models/checkpoint/families/config.js')
  const { sizeOf } = await from('cli/inspect/describeModel.js')
  const file = join(folder, 'config.json')
  const { head } = readConfig(await readJson(file), file)
  const before = process.memoryUsage.rss()
  const [{ worker, checkpoint }, times] = await timed('load', () => loadModel(folder, { head, role: head, threads: 2 }))
  await setTimeout(500)
  const rss_bytes = process.memoryUsage.rss() - before
  await worker.close()
  return { ...times, rss_bytes, fp32_bytes: sizeOf(checkpoint.config, checkpoint.tensors).weightBytes }
}

const [mode, folder] = process.argv.slice(2)
if (mode === '--read') process.stdout.write(JSON.stringify(await read(folder)))
else if (mode === '--load') process.stdout.write(JSON.stringify(await load(folder)))
else {
  for (const each of process.argv.slice(2)) {
    const run = (what) =>
      JSON.parse(execFileSync(process.execPath, [fileURLToPath(import.meta.url), what, each], { encoding: 'utf8' }))
    const figures = { folder: each, ...run('--read'), ...run('--load') }
    const ratios = { load_over_read: figures.load_ms / figures.read_ms, rss_over_fp32: figures.rss_bytes / figures.fp32_bytes }
    process.stdout.write(`${JSON.stringify({ ...figures, ...ratios })}\n`)
  }
}
