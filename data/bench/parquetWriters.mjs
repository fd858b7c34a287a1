// Measures what writes Parquet: CPU time and bytes of a part of 1,000 rows, and whether DuckDB reads the same from both.
// Run it after `npm run build`: node data/bench/parquetWriters.mjs
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { encodeParquet } from '../../dist/src/io/parquet/encodeParquet.js'
import { columnsOf } from '../../dist/src/io/parquet/rowColumns.js'
import { writeParquetFile } from '../../dist/src/io/parquet/writeParquetFile.js'

const ROWS = 1000
const ROUNDS = 5
const columns = columnsOf(new Set())

function* random(x = 1) {
  for (;;) {
    x = (x * 16807) % 2147483647
    yield x / 2147483647
  }
}

function recordsOf(tokens) {
  const numbers = random()
  const next = () => numbers.next().value
  const list = (make, length = tokens) => Array.from({ length }, (_, index) => make(index))
  return list(
    (index) => ({
      ...{ id: `row-${index}`, sample: 0, prompt: `\n\nHuman: Tell me about ${index}.\n\nAssistant:`, user_message: null },
      completion: list(() => `w${Math.floor(next() * 500)}`).join(' '),
      prompt_token_ids: list(() => Math.floor(next() * 32_000), 20),
      token_ids: list(() => Math.floor(next() * 32_000)),
      ...{ finish_reason: 'stop', error: index % 50 === 0 ? 'too long' : null, reward: next() },
      rewards: index % 3 === 0 ? null : list((at) => (at % 9 === 0 ? null : Math.fround(next()))),
      logits: list(() => Math.fround(next() * 10)),
      scores: index % 11 === 0 ? [] : list(() => Math.fround(next() * 10)),
      ...{ seed: 0, prompt_tokens: 20, truncated_tokens: null, completion_tokens: tokens },
      ...{ started_at: new Date(1.7e12 + index), duration_ms: 12, prompt_hash: String(index).padStart(16, '0') },
    }),
    ROWS,
  )
}

async function* each(records) {
  yield* records
}

const folder = await mkdtemp(join(tmpdir(), 'rxargs-writers-'))
const database = await (await DuckDBInstance.create()).connect()
for (const tokens of [64, 16, 1]) {
  const records = recordsOf(tokens)
  const writers = {
    'parquetjs-lite': (path) => writeParquetFile(path, columns, each(records), {}),
    'hyparquet-writer': (path) => writeFile(path, encodeParquet(columns, records, {})),
  }
  for (const [name, write] of Object.entries(writers)) {
    await write(join(folder, `${name}-${tokens}-warm.parquet`))
    const before = process.cpuUsage()
    for (let round = 0; round < ROUNDS; round++) await write(join(folder, `${name}-${tokens}-${round}.parquet`))
    const { user, system } = process.cpuUsage(before)
    const micros = (user + system) / (ROWS * ROUNDS)
    const { length } = await readFile(join(folder, `${name}-${tokens}-0.parquet`))
    process.stdout.write(
      `${tokens} tokens, ${name}: ${micros.toFixed(1)} µs of CPU and ${Math.round(length / ROWS)} bytes a row\n`,
    )
  }
  const [one, other] = Object.keys(writers).map((name) => `'${join(folder, `${name}-${tokens}-0.parquet`)}'`)
  const differing = await database.runAndReadAll(
    `select count(*) from ((from ${one} except all from ${other}) union all (from ${other} except all from ${one}))`,
  )
  process.stdout.write(`${tokens} tokens: ${differing.getRows()[0][0]} rows differ\n`)
}
await rm(folder, { recursive: true })
