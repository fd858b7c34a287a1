import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { query } from '../io/duckdb.js'
import { jsonl, pair, rxargs } from './rxargs.js'

let folder: string
let input: string
let whole: string
const shards: string[] = []
const PROMPTS = 30

/** Prompts with an id twice, without an id, of two samples each: whatever they are, the shards together are the whole. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-shards-'))
  input = join(folder, 'in.jsonl')
  const lines = Array.from({ length: PROMPTS }, (_, index) => {
    const id = index % 3 ? { id: `row-${index === 10 ? 4 : index}` } : {}
    return JSON.stringify({ ...id, prompt: index === 20 ? 5 : `Tell me about ${index}` })
  })
  await writeFile(input, `${lines.join('\n')}\nbroken\n`)
  const args = ['generate', input, ...pair, '--max-new-tokens', '2', '--samples', '2', '--limit', '31']
  whole = join(folder, 'whole')
  await rxargs([...args, '-o', whole])
  for (const index of [1, 2, 3]) {
    shards.push(join(folder, `shard-${index}`))
    await rxargs([...args, '--shard', `${index}/3`, '--part-rows', '5', '-o', shards.at(-1)!])
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const columns = 'id, sample, completion, token_ids, error, reward, seed, prompt_hash'

describe('shards', () => {
  it('are together the rows of one run, each once', async () => {
    const rows = (files: string) => query(`select ${columns} from '${files}' order by id, sample`)
    const all = await rows(`${whole}/*.parquet`)
    expect(all.length).toBe(2 * (PROMPTS + 1))
    expect(await rows(`${folder}/shard-*/*.parquet`)).toEqual(all)
  })

  it('are verified and merged together, and one of them alone', async () => {
    expect(await rxargs(['verify', ...shards, '--input', input])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^62 rows in \d+ files, 6 of them error rows: complete, each once, undamaged\n$/),
    })
    expect((await rxargs(['verify', shards[1]!, '--input', input, '--shard', '2/3'])).code).toBe(0)
    const lacking = await rxargs(['verify', ...shards.slice(1), '--input', input])
    expect(lacking).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('Missing: '),
      stderr: expect.stringContaining('1 problem'),
    })
    const file = join(folder, 'all.parquet')
    expect(await rxargs(['merge', ...shards, '-o', file])).toMatchObject({ code: 0, stdout: `62 rows in ${file}\n` })
    const rows = jsonl((await rxargs(['cat', file, '--where', 'error is null and sample = 1', '--columns', 'id,sample'])).stdout)
    expect(rows.length).toBe(28)
    expect(rows[0]).toEqual({ id: expect.any(String), sample: 1 })
  })

  it('have parts of as many rows as asked for', async () => {
    const counts = await query(`select count(*)::int n from '${shards[0]}/*.parquet' group by filename`)
    for (const { n } of counts) expect(n).toBeLessThanOrEqual(5)
    expect(counts.length).toBeGreaterThan(2)
  })

  it.each([
    ['--shard', '0/3', 'Expected `--shard` to be INDEX/COUNT, such as 1/4, with an index from 1 to the count, got `0/3`'],
    ['--shard', '4/3', 'got `4/3`'],
    ['--shard', '1', 'got `1`'],
    ['--part-rows', '0', 'Expected `--part-rows` to be an integer >= 1, got `0`'],
    ['--part-seconds', '5', 'Expected `--output` beside `--part-seconds`, got none'],
  ])('refuse %s %s', async (flag, value, message) => {
    expect(await rxargs(['generate', input, ...pair, flag, value])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(message),
    })
  })

  it.each(['--limit=3', '--shard=1/3'])('are verified with %s only beside an input', async (flag) =>
    expect(await rxargs(['verify', ...shards, flag])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`Expected \`--input\` beside \`${flag.split('=')[0]}\`, got none`),
    }),
  )

  it('have their parts cut by bytes, too', async () => {
    const out = join(folder, 'bytes')
    await rxargs(['generate', input, ...pair, '--max-new-tokens', '2', '--limit', '6', '--part-bytes', '1', '-o', out])
    expect(await query(`select count(*)::int n from '${out}/*.parquet' group by filename`)).toEqual(
      Array.from({ length: 6 }, () => ({ n: 1 })),
    )
  })
})
