// Speed, tokens, rewards and memory of a language model and a reward model in fp32, q8 and q4, as a table.
//
//     npm run -s build && node test/reference/measure_dtypes.mjs LM REWARD PROMPTS [ROUNDS]
//
// Each measurement is a process of its own, and the types take turns. Speeds are ratios to fp32 of processor time per token, which other work on
// the machine changes less than time; the table has the median and the range over the rounds (3). Each run decodes 16 prompts at the same time, 32 tokens
// each. `greedy` runs the language model alone, `args` (k 10, weight 1.5) both models. Rewards are those of the fp32 reward model for every
// reply. Memory is the largest resident set of the process that runs greedy, beside what `rxargs inspect` says for the same prompts.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { args, fromFile, generate, greedy, loadModels, score } from '../../dist/src/index.js'

const DTYPES = ['fp32', 'q8', 'q4']
const DECODERS = ['greedy', 'args']
const [PROMPTS, TOKENS] = [16, 32]
const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))

async function* first(prompts, count) {
  let left = count
  for await (const prompt of prompts) {
    yield prompt
    if (--left === 0) return
  }
}

async function measure({ lm, reward, prompts, dtype, decoder }) {
  const startedAt = performance.now()
  const models = await loadModels({ lm, dtype, ...(decoder === 'args' && { reward }) })
  const loadedAt = performance.now()
  const loading = process.cpuUsage()
  const rows = []
  const source = first(fromFile(prompts), PROMPTS)
  const options = { maxNewTokens: TOKENS, concurrency: PROMPTS }
  for await (const row of generate(source, decoder === 'args' ? args() : greedy(), models, options)) {
    if (row.error !== null) throw new Error(`${row.id}: ${row.error}`)
    const { id, prompt, completion, tokenIds, promptTokens } = row
    rows.push({ id, prompt, completion, tokenIds, promptTokens })
  }
  const decoding = process.cpuUsage(loading)
  await models.close()
  rows.sort((a, b) => (a.id < b.id ? -1 : 1))
  const tokens = rows.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0)
  return {
    load_s: (loadedAt - startedAt) / 1000,
    load_cpu_s: (loading.user + loading.system) / 1e6,
    cpu_ms_a_token: (decoding.user + decoding.system) / 1000 / tokens,
    rss_bytes: process.resourceUsage().maxRSS * 1024,
    rows,
  }
}

async function rewardsOf(lm, reward, replies) {
  const models = await loadModels({ lm, reward })
  const texts = replies.map(({ prompt, completion }, index) => ({ id: String(index), content: { text: prompt }, completion }))
  const found = []
  for await (const row of score(texts, { reward: models.rewards[0], hashes: models.hashes })) {
    if (row.error !== null) throw new Error(row.error)
    found[Number(row.id)] = row.reward
  }
  await models.close()
  return found
}

const inOwnProcess = (asked) =>
  JSON.parse(
    execFileSync(process.execPath, [fileURLToPath(import.meta.url), '--one', JSON.stringify(asked)], {
      maxBuffer: 2 ** 28,
      encoding: 'utf8',
    }),
  )

/** Tokens before the first that differs from fp32. */
const agreed = (here, there) => {
  const at = there.findIndex((token, index) => here[index] !== token)
  return at === -1 ? there.length : at
}
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length
const sorted = (values) => [...values].sort((a, b) => a - b)
const median = (values) => sorted(values)[Math.floor(values.length / 2)]
const range = (values) => `${median(values).toFixed(2)} (${sorted(values)[0].toFixed(2)} to ${sorted(values).at(-1).toFixed(2)})`
const megabytes = (bytes) => Math.round(bytes / 1e6)

function inspected(lm, dtype, promptTokens) {
  const flags = ['--dtype', dtype, '--concurrency', PROMPTS, '--max-new-tokens', TOKENS, '--max-prompt-tokens', promptTokens]
  const { memory } = JSON.parse(
    execFileSync(process.execPath, [main, 'inspect', lm, '--json', ...flags.map(String)], { encoding: 'utf8' }),
  )
  return memory
}

async function table(lm, reward, prompts, rounds) {
  const runs = []
  for (let round = 0; round < rounds; round++)
    for (const decoder of DECODERS)
      for (const dtype of DTYPES) {
        const one = inOwnProcess({ lm, reward, prompts, dtype, decoder })
        process.stderr.write(
          `round ${round}, ${decoder}, ${dtype}: ${one.cpu_ms_a_token.toFixed(1)} ms of processor time per token, loaded in ${one.load_s.toFixed(1)} s, ${megabytes(one.rss_bytes)} MB\n`,
        )
        runs.push({ round, decoder, dtype, ...one })
      }
  const of = (decoder, dtype) => runs.filter((run) => run.decoder === decoder && run.dtype === dtype)
  const variants = DECODERS.flatMap((decoder) =>
    DTYPES.map((dtype) => ({ name: `${decoder} ${dtype}`, rows: of(decoder, dtype)[0].rows })),
  )
  const scores = await rewardsOf(
    lm,
    reward,
    variants.flatMap(({ rows }) => rows),
  )
  const rewards = new Map(variants.map(({ name, rows }) => [name, scores.splice(0, rows.length)]))
  const lines = [
    [
      'decoder',
      'dtype',
      'speed against fp32',
      'equal replies',
      'tokens before the first that differs',
      'mean reward',
      'seconds to load',
      'of them processor time',
      'peak memory',
      'by `inspect`',
    ],
    ['---', '---', '---:', '---:', '---:', '---:', '---:', '---:', '---:', '---:'],
  ]
  for (const decoder of DECODERS) {
    const exact = of(decoder, 'fp32')
    for (const dtype of DTYPES) {
      const here = of(decoder, dtype)
      const speeds = here.map((run, round) => exact[round].cpu_ms_a_token / run.cpu_ms_a_token)
      const counts = here[0].rows.map(({ tokenIds }, index) => agreed(tokenIds, exact[0].rows[index].tokenIds))
      const lengths = exact[0].rows.map(({ tokenIds }) => tokenIds.length)
      const equal = counts.filter(
        (count, index) => count === lengths[index] && here[0].rows[index].tokenIds.length === count,
      ).length
      const memory = inspected(lm, dtype, Math.max(...exact[0].rows.map(({ promptTokens }) => promptTokens)))
      lines.push([
        decoder,
        dtype,
        range(speeds),
        `${equal} of ${counts.length}`,
        `${counts.reduce((sum, count) => sum + count, 0)} of ${lengths.reduce((sum, count) => sum + count, 0)}`,
        mean(rewards.get(`${decoder} ${dtype}`)).toFixed(3),
        range(here.map(({ load_s }) => load_s)),
        median(here.map(({ load_cpu_s }) => load_cpu_s)).toFixed(1),
        ...(decoder === 'greedy'
          ? [`${megabytes(Math.max(...here.map(({ rss_bytes }) => rss_bytes)))} MB`, `${megabytes(memory.total_bytes)} MB`]
          : ['', '']),
      ])
    }
  }
  for (const line of lines) process.stdout.write(`${`| ${line.join(' | ')} |`}\n`)
}

const [lm, reward, prompts, rounds = '3'] = process.argv.slice(2)
if (lm === '--one') process.stdout.write(`${JSON.stringify(await measure(JSON.parse(reward)))}\n`)
else await table(lm, reward, prompts, Number(rounds))
