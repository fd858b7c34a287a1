// Measures `rxargs bench --device webgpu` beside test/reference/args_baseline.py on the same GPU and writes gpu.json. Run by gpu.run.sh.
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** Figures of `rxargs bench --json` to keep. */
const FIGURES = [
  'prompts',
  'tokens_per_second',
  'decode_tokens_per_second',
  'seconds',
  'run_share',
  'outside_run_share',
  'gpu_bytes',
  'completion_tokens',
  'mean_batch',
  'time_to_first_token_ms',
  'time_per_token_ms',
  'lm_prefill_share',
]

const say = (line) => process.stderr.write(`${line}\n`)
const out = process.env.OUT ?? '.'
const deadline = Date.now() + 1000 * Number(process.env.SECONDS_AT_MOST ?? 480)
const left = () => Math.max(0, deadline - Date.now())
const small = process.argv.includes('--small')
const sizes = small
  ? { pair: 'd=64,layers=2,heads=4,ffn=128,vocab=512,prompts=4,prompt-tokens=20', counts: [1, 4], tokens: 6 }
  : { pair: 'd=768,layers=12,heads=12,ffn=2048,vocab=32000,prompts=64', counts: [1, 16, 64], tokens: 32 }
const python = process.env.PYTHON ?? 'python3'
const cuda = process.env.BASELINE_DEVICE ?? 'cuda'
const results = {
  card: cardName(),
  runtime: version('onnxruntime-node'),
  node: process.version,
  pair: sizes.pair,
  new_tokens: sizes.tokens,
  rxargs: [],
  pytorch: [],
}
const save = () => writeFileSync(`${out}/gpu.json`, `${JSON.stringify(results, null, 1)}\n`)

function cardName() {
  const { stdout } = spawnSync('nvidia-smi', ['--query-gpu=name,driver_version', '--format=csv,noheader'], { encoding: 'utf8' })
  return stdout?.trim() || 'SwiftShader'
}

function version(name) {
  return `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')).version}`
}

function rxargs(args, seconds) {
  const started = Date.now()
  const child = spawnSync(process.execPath, ['dist/src/cli/main.js', ...args], {
    encoding: 'utf8',
    timeout: Math.min(left(), 1000 * seconds),
    maxBuffer: 2 ** 28,
  })
  if (child.status !== 0) say(`rxargs ${args.join(' ')}: ${child.status} ${child.signal ?? ''} ${child.stderr.slice(-800)}`)
  return { stdout: child.stdout, ok: child.status === 0, seconds: (Date.now() - started) / 1000 }
}

function measure(pair, dtype, counts, limitOf) {
  for (const count of counts) {
    if (left() < 20_000) return say('no time left')
    const run = rxargs(
      [
        'bench',
        '--device',
        'webgpu',
        '--dtype',
        dtype,
        '--lm',
        `${pair}/lm`,
        '--reward',
        `${pair}/reward`,
        '--prompts',
        `${pair}/prompts.jsonl`,
        '--decoder',
        'args,greedy',
        '--concurrency',
        String(count),
        '--limit',
        String(limitOf(count)),
        '--max-new-tokens',
        String(sizes.tokens),
        '--json',
      ],
      110,
    )
    if (!run.ok) {
      results.rxargs.push({ pair, dtype, count, failed: true })
      continue
    }
    for (const setting of JSON.parse(run.stdout).settings) {
      const { decoder, concurrency, tokens_per_second, decode_tokens_per_second } = setting
      const figures = Object.fromEntries(FIGURES.map((name) => [name, setting[name]]))
      results.rxargs.push({ pair, dtype, decoder, concurrency, wall: run.seconds, ...figures })
      say(
        `rxargs ${pair} ${dtype} ${decoder} ${concurrency} at once: ${tokens_per_second.toFixed(1)} tokens/s, ${decode_tokens_per_second.toFixed(1)} from the second token on (${run.seconds.toFixed(0)} s in all)`,
      )
    }
    save()
  }
}

/** One variant of the baseline: the second answer counts, the first warms it up. */
async function pytorch(pair, variant, dtype, compile, workloads, seconds) {
  if (left() < 15_000) return say('no time left')
  const child = spawn(
    python,
    [
      'test/reference/args_baseline.py',
      '--variant',
      variant,
      '--device',
      cuda,
      '--dtype',
      dtype,
      ...(compile ? ['--compile'] : []),
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const timer = setTimeout(() => child.kill('SIGKILL'), Math.min(left(), 1000 * seconds))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const prompts = readFileSync(`${pair}/prompts.jsonl`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => [...Buffer.from(JSON.parse(line).prompt)].map((byte) => byte))
  for (const { count, limit, weight = 1.5 } of workloads) {
    const task = {
      lm: `${pair}/lm`,
      reward: `${pair}/reward`,
      prompt_token_ids: prompts.slice(0, limit),
      concurrency: count,
      max_new_tokens: sizes.tokens,
      k: weight ? 10 : 1,
      weight,
      end_token_ids: [],
    }
    const answers = []
    for (let i = 0; i < 2; i++) {
      child.stdin.write(
        `${JSON.stringify({ ...task, prompt_token_ids: i === 0 && !compile ? task.prompt_token_ids.slice(0, count) : task.prompt_token_ids })}\n`,
      )
      const { value, done } = await lines.next()
      if (done) break
      answers.push(JSON.parse(value))
    }
    if (answers.length < 2) break
    const tokens = limit * sizes.tokens
    const { seconds: spent, prefill_seconds: prefill } = answers[1]
    results.pytorch.push({
      pair,
      variant,
      dtype,
      compile,
      decoder: weight ? 'args' : 'greedy',
      concurrency: count,
      prompts: limit,
      tokens_per_second: tokens / spent,
      decode_tokens_per_second: (tokens - limit) / (spent - prefill),
    })
    say(
      `PyTorch ${pair} ${variant} ${dtype}${compile ? ' compiled' : ''} ${weight ? 'args' : 'greedy'} ${count} at once: ${(tokens / spent).toFixed(1)} tokens/s`,
    )
    save()
  }
  clearTimeout(timer)
  child.stdin.end()
  child.kill()
}

const made = rxargs(['bench', '--make', sizes.pair, '--out', 'pair'], 60)
say(`made the pair in ${made.seconds.toFixed(0)} s`)
const [one, ...many] = sizes.counts
measure('pair', 'q4', sizes.counts, (count) => (count === 1 ? 2 : count))
measure('pair', 'fp16', sizes.counts, (count) => (count === 1 ? 2 : count))
await pytorch(
  'pair',
  'paper',
  'fp32',
  false,
  [
    { count: 1, limit: 2 },
    { count: 1, limit: 2, weight: 0 },
  ],
  60,
)
await pytorch(
  'pair',
  'batched',
  'fp32',
  false,
  [one, ...many].map((count) => ({ count, limit: count === 1 ? 2 : count })),
  60,
)
await pytorch(
  'pair',
  'batched',
  'fp16',
  false,
  many.map((count) => ({ count, limit: count })),
  60,
)
await pytorch('pair', 'paper', 'fp16', false, [{ count: 1, limit: 2 }], 30)
measure('pair', 'fp32', sizes.counts, (count) => (count === 1 ? 2 : count))
measure('pair', 'q8', many, (count) => count)
await pytorch(
  'pair',
  'batched',
  'fp32',
  true,
  many.map((count) => ({ count, limit: count })),
  90,
)
if (process.argv.includes('--large')) {
  const large = rxargs(
    ['bench', '--make', 'd=2048,layers=16,heads=32,kv=8,ffn=8192,vocab=32000,prompts=2', '--out', 'pair1b'],
    100,
  )
  if (large.ok) measure('pair1b', 'q4', [1], () => 1)
}
best()
save()

/** Each setting of args beside the fastest of PyTorch at as many prompts. */
function best() {
  results.beside = results.rxargs
    .filter(({ decoder }) => decoder === 'args')
    .map(({ pair, dtype, concurrency, tokens_per_second: speed }) => {
      const others = results.pytorch.filter(
        (one) => one.pair === pair && one.decoder === 'args' && one.concurrency === concurrency,
      )
      const fastest = others.toSorted((a, b) => b.tokens_per_second - a.tokens_per_second)[0]
      const paper = others.find(({ variant, dtype: given }) => variant === 'paper' && given === 'fp32')
      return {
        pair,
        dtype,
        concurrency,
        tokens_per_second: speed,
        ...(fastest && { fastest, ratio: speed / fastest.tokens_per_second }),
        ...(paper && { over_paper: speed / paper.tokens_per_second }),
      }
    })
  for (const { dtype, concurrency, ratio, over_paper: paper } of results.beside)
    say(
      `${dtype}, ${concurrency} at once: ${ratio?.toFixed(2) ?? '-'}x PyTorch at its best, ${paper?.toFixed(2) ?? '-'}x the paper's loop`,
    )
}
