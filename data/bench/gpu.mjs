// Measures `rxargs bench --device webgpu` beside test/reference/args_baseline.py on the same GPU. gpu.run.sh runs it.
//
// It writes gpu.json to the folder OUT, anew after each setting. `unfinished` there names each setting without a figure, and why. Settings come in the
// order of their weight, each with a time limit of its own, and all end after SECONDS_AT_MOST (default 520).
//
//   --small     tiny pairs, to rehearse it
//   ONLY        a regular expression: measures only settings of matching names
//   PYTHON      a Python with PyTorch and transformers (default python3)
//   BASELINE_DEVICE=cpu    runs the baseline without a GPU
//   RXARGS_LIBRARIES       a folder of libraries for rxargs alone
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const { OUT: out = '.', PYTHON: python = 'python3', BASELINE_DEVICE: cuda = 'cuda', RXARGS_LIBRARIES: libraries } = process.env
const begun = Date.now()
const seconds = () => (Date.now() - begun) / 1000
const left = () => Number(process.env.SECONDS_AT_MOST ?? 520) - seconds()
const say = (line) => process.stderr.write(`[${seconds().toFixed(0)} s] ${line}\n`)

const LARGE = { d: 2048, layers: 16, heads: 32, kv: 8, ffn: 8192, vocab: 32000, prompts: 2 }
const { pair, large, counts, newTokens } = process.argv.includes('--small')
  ? {
      pair: { d: 64, layers: 2, heads: 4, ffn: 128, vocab: 512, prompts: 4, 'prompt-tokens': 20 },
      large: { d: 128, layers: 2, heads: 4, kv: 2, ffn: 256, vocab: 512, prompts: 2, 'prompt-tokens': 20 },
      ...{ counts: [1, 2, 4], newTokens: 6 },
    }
  : {
      pair: { d: 768, layers: 12, heads: 12, ffn: 2048, vocab: 32000, prompts: 64 },
      ...{ large: LARGE, counts: [1, 16, 64], newTokens: 32 },
    }
const sizesText = (sizes) =>
  Object.entries(sizes)
    .map((size) => size.join('='))
    .join(',')

/** The rows of the goals, for the faster of q4 and fp16: at least this many times the paper's loop, or batched PyTorch. */
const GOALS = [
  { at: counts[0], against: 'paper', goal: 4 },
  { at: counts[1], against: 'batched', goal: 1.5 },
  { at: counts[2], against: 'batched', goal: 1.5 },
]

const GOAL_DTYPES = ['q4', 'fp16']

/** Prompts of a setting. One prompt at a time twice, otherwise all at once. */
const promptsOf = (count) => (count === 1 ? 2 : count)

/** Figures of `rxargs bench --json` to keep. */
const FIGURES = [
  ...['prompts', 'tokens_per_second', 'decode_tokens_per_second', 'seconds', 'run_share', 'outside_run_share', 'gpu_bytes'],
  ...['completion_tokens', 'mean_batch', 'time_to_first_token_ms', 'time_per_token_ms', 'lm_prefill_share'],
]

const results = {
  card: null,
  runtime: `onnxruntime-node ${JSON.parse(readFileSync('node_modules/onnxruntime-node/package.json', 'utf8')).version}`,
  ...{ node: process.version, torch: null, devices: null, dispatches: null },
  ...{ pair: sizesText(pair), large_pair: sizesText(large), new_tokens: newTokens, k: 10, weight: 1.5 },
  ...{ rxargs: [], pytorch: [] },
}
const plan = []
const only = new RegExp(process.env.ONLY ?? '')
const setting = (name, limit, run) => plan.push({ name, limit, run, state: only.test(name) ? 'not begun' : 'left out' })

function save() {
  const unfinished = plan.filter(({ state }) => state !== 'done').map(({ name, state }) => ({ setting: name, why: state }))
  const whole = { ...results, ...summary(), seconds: Math.round(seconds()), unfinished }
  writeFileSync(`${out}/gpu.json.part`, `${JSON.stringify(whole, null, 1)}\n`)
  renameSync(`${out}/gpu.json.part`, `${out}/gpu.json`)
}

/** Starts a process in a group of its own, which `end` ends as a whole: torch.compile starts more. */
function start(command, args, env = {}) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env: { ...process.env, ...env } })
  let errors = ''
  child.stderr.on('data', (data) => {
    errors = (errors + data).slice(-4000)
  })
  child.stdin.on('error', () => undefined)
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => resolve(code === 0 ? undefined : `${signal ?? `exit ${code}`}: ${lastLine(errors)}`))
  })
  const end = () => {
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      // It has ended.
    }
  }
  return { child, ended, end }
}

const lastLine = (text) => text.trimEnd().split('\n').at(-1).slice(0, 400)

/** Gives up after `limit` seconds. */
async function within(limit, work, end) {
  let timer
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done in ${limit.toFixed(0)} s`)), 1000 * limit)
  })
  try {
    return await Promise.race([work, timeout])
  } catch (error) {
    end()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

async function output(command, args, limit, env) {
  const { child, ended, end } = start(command, args, env)
  child.stdin.end()
  let text = ''
  child.stdout.on('data', (data) => {
    text += data
  })
  const failure = await within(limit, ended, end)
  if (failure !== undefined) throw new Error(failure)
  return text
}

const onNode = (args, limit) =>
  output(process.execPath, args, limit, {
    ...(libraries && { LD_LIBRARY_PATH: [libraries, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':') }),
  })

const rxargs = (args, limit) => onNode(['dist/src/cli/main.js', ...args], limit)

const make = (sizes, folder) => (limit) => rxargs(['bench', '--make', sizesText(sizes), '--out', folder], limit)

/** Measures one setting of rxargs. */
const bench = (folder, dtype, decoder, count) => async (limit) => {
  closePython()
  const models = ['--lm', `${folder}/lm`, '--reward', `${folder}/reward`, '--prompts', `${folder}/prompts.jsonl`]
  const how = ['--device', 'webgpu', '--dtype', dtype, '--decoder', decoder, '--concurrency', count, '--limit', promptsOf(count)]
  const text = await rxargs(['bench', ...models, ...how.map(String), '--max-new-tokens', String(newTokens), '--json'], limit)
  const [measured] = JSON.parse(text).settings
  const figures = Object.fromEntries(FIGURES.map((name) => [name, measured[name]]))
  results.rxargs.push({ pair: folder, dtype, decoder, concurrency: count, ...figures })
  say(
    `  ${measured.tokens_per_second.toFixed(1)} tokens/s, ${measured.decode_tokens_per_second.toFixed(1)} from the second token on`,
  )
}

/** The running baseline. Its next settings go to the same process. */
let running

function closePython() {
  running?.end()
  running = undefined
}

async function ask(args, task, limit) {
  const key = args.join(' ')
  if (running?.key !== key) {
    closePython()
    const started = start(python, ['test/reference/args_baseline.py', ...args])
    running = { ...started, key, lines: createInterface({ input: started.child.stdout })[Symbol.asyncIterator]() }
  }
  const { child, lines, ended } = running
  child.stdin.write(`${JSON.stringify(task)}\n`)
  const { value, done } = await within(limit, lines.next(), closePython)
  if (!done) return JSON.parse(value)
  running = undefined
  throw new Error((await ended) ?? 'ended without an answer')
}

/** Measures one setting of PyTorch: the first answer warms up, the second counts. */
const pytorch = (variant, dtype, compile, decoder, count) => async (limit) => {
  const until = Date.now() + 1000 * limit
  const prompts = readFileSync('pair/prompts.jsonl', 'utf8').trim().split('\n').slice(0, promptsOf(count))
  const task = {
    ...{ lm: 'pair/lm', reward: 'pair/reward', concurrency: count, max_new_tokens: newTokens, end_token_ids: [] },
    prompt_token_ids: prompts.map((line) => [...Buffer.from(JSON.parse(line).prompt)]),
    ...(decoder === 'args' ? { k: results.k, weight: results.weight } : { k: 1, weight: 0 }),
  }
  const args = ['--variant', variant, '--device', cuda, '--dtype', dtype, ...(compile ? ['--compile'] : [])]
  let answer
  for (let round = 0; round < 2; round++) answer = await ask(args, task, (until - Date.now()) / 1000)
  const tokens = answer.token_ids.reduce((sum, ids) => sum + ids.length, 0)
  const figures = {
    tokens_per_second: tokens / answer.seconds,
    decode_tokens_per_second: (tokens - prompts.length) / (answer.seconds - answer.prefill_seconds),
  }
  results.pytorch.push({ variant, dtype, compile, decoder, concurrency: count, prompts: prompts.length, ...figures })
  say(`  ${figures.tokens_per_second.toFixed(1)} tokens/s`)
}

/** Bytes that one token of each model of a pair reads in q4: linear layers and head in 4 bits and an fp32 scale for 32 weights, not the embedding. */
function bytesReadOnce({ d, layers, heads, kv = heads, ffn, vocab }) {
  const layer = d * (2 * d + (2 * d * kv) / heads + 3 * ffn)
  return (2 * layers * layer + d * vocab) * (0.5 + 4 / 32)
}

/** How fast memory is read, as a copy on the device shows it. */
const COPY = `
import sys, time, torch
device = sys.argv[1]
size = 2**30 if device == "cuda" else 2**26
a, b = [torch.zeros(size // 4, device=device) for _ in range(2)]
wait = torch.cuda.synchronize if device == "cuda" else lambda: None
best = 0
for _ in range(10):
    wait(); begun = time.perf_counter()
    b.copy_(a); wait()
    best = max(best, 2 * size / (time.perf_counter() - begun))
print(torch.__version__, best)
`

setting('the devices', 40, async (limit) => {
  results.devices = JSON.parse(await rxargs(['inspect', '--devices', '--json'], limit))
  const { webgpu } = results.devices
  if (!webgpu.usable) throw new Error(webgpu.problem)
  say(`  rxargs runs on ${webgpu.adapter ?? 'a GPU that it cannot name'}`)
})
setting('the cost of a dispatch', 30, async (limit) => {
  results.dispatches = JSON.parse(await onNode(['data/bench/gpuDispatch.mjs'], limit))
  say(`  ${results.dispatches.map(({ dispatches, run_us }) => `${dispatches}: ${run_us} µs`).join(', ')}`)
})
setting('the pair', 60, make(pair, 'pair'))
setting('memory bandwidth', 60, async (limit) => {
  const [version, bandwidth] = (await output(python, ['-c', COPY, cuda], limit)).trim().split(' ')
  Object.assign(results, { torch: version, bytes_per_second: Number(bandwidth) })
})

const plain = (variant, dtype, count, limit, { compile = false, decoder = 'args' } = {}) =>
  setting(
    `PyTorch, ${variant} ${dtype}${compile ? ' compiled' : ''}, ${decoder}, ${count} at once`,
    limit,
    pytorch(variant, dtype, compile, decoder, count),
  )
const ours = (dtype, decoder, count, limit, folder = 'pair') =>
  setting(`rxargs, ${folder} ${dtype}, ${decoder}, ${count} at once`, limit, bench(folder, dtype, decoder, count))

// The rows of the goals. Limits are about twice what was seen; the first of a kind also rounds weights or loads PyTorch.
const [one, ...many] = counts
plain('paper', 'fp32', one, 60)
for (const count of counts) ours('q4', 'args', count, 60)
for (const dtype of ['fp16', 'fp32']) for (const count of many) plain('batched', dtype, count, 40)
for (const count of counts) ours('fp16', 'args', count, 60)

// A large pair at one prompt, beside the time that reading its weights once takes.
setting('the large pair', 120, make(large, 'large'))
ours('q4', 'args', one, 180, 'large')

// The rest.
plain('paper', 'fp16', one, 40)
for (const count of counts) ours('q4', 'greedy', count, 40)
for (const count of counts) plain('batched', 'fp32', count, 40, { decoder: 'greedy' })
for (const count of counts) ours('q8', 'args', count, 60)
for (const count of counts) ours('fp32', 'args', count, 60)
for (const count of many) plain('batched', 'fp16', count, 90, { compile: true })

/** Ratios of what has been measured so far. */
function summary() {
  const args = ({ decoder }) => decoder === 'args'
  const speed = ({ tokens_per_second: figure }) => figure
  const best = (rows) => rows.toSorted((a, b) => speed(b) - speed(a))[0]
  const goals = GOALS.map(({ at, against, goal }) => {
    const mine = best(
      results.rxargs.filter(
        (row) => args(row) && row.pair === 'pair' && GOAL_DTYPES.includes(row.dtype) && row.concurrency === at,
      ),
    )
    const other = results.pytorch.filter((row) => args(row) && row.variant === against && row.concurrency === at)
    // The paper's loop is meant as the paper runs it.
    const theirs = best(against === 'paper' ? other.filter(({ dtype, compile }) => dtype === 'fp32' && !compile) : other)
    const ratio = mine && theirs ? speed(mine) / speed(theirs) : null
    return { prompts: at, against, goal, ratio, rxargs: mine ?? null, pytorch: theirs ?? null }
  })
  const row = results.rxargs.find(({ pair: folder }) => folder === 'large')
  const bytes = bytesReadOnce(large)
  const once = results.bytes_per_second ? bytes / results.bytes_per_second : null
  const token = row ? 1 / row.decode_tokens_per_second : null
  const times = token && once ? token / once : null
  return { goals, large: { goal: 3, bytes, seconds_to_read_once: once, seconds_per_token: token, times } }
}

const { stdout } = spawnSync('nvidia-smi', ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader'], {
  encoding: 'utf8',
})
results.card = stdout?.trim() || null
const LEAST = 5
// A renderer in software takes long.
const patience = process.argv.includes('--small') ? 5 : 1
for (const step of plan.filter(({ state }) => state !== 'left out')) {
  const limit = Math.min(patience * step.limit, left())
  if (limit < LEAST) {
    step.state = 'no time left'
    continue
  }
  step.state = 'was running'
  save()
  say(step.name)
  try {
    await step.run(limit)
    step.state = 'done'
  } catch (error) {
    step.state = limit < patience * step.limit ? `${error.message}, all that was left` : error.message
    say(`  ${step.state}`)
  }
}
closePython()
save()
const { goals, large: reading } = summary()
for (const { prompts, against, goal, ratio } of goals)
  say(
    `${prompts} at once: ${ratio === null ? 'no ratio' : `${ratio.toFixed(2)} times PyTorch`} (${against}); the goal is ${goal}`,
  )
say(
  `the large pair, a token: ${reading.times === null ? 'no ratio' : `${reading.times.toFixed(1)} times the reading of its weights`}; the goal is 3`,
)
