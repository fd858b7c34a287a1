import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { errorReasons } from '../../../src/cli/errorReasons.js'
import { timeLeft } from '../../../src/cli/timeLeft.js'
import { readParquet } from '../../../src/io/parquet/readParquet.js'
import { runMeta } from '../../../src/io/parquet/runMeta.js'
import { parquetFiles, readRows } from '../../../src/io/readRows.js'
import { modelFolder } from '../../../src/models/modelFolder.js'
import { recordedPath } from '../../../src/models/recordedPath.js'
import { finished, jsonl, lm, pair, root, rxargs, started } from './rxargs.js'

let folder: string
let out: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-readable-'))
  out = join(folder, 'out')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const chat = ['--lm', `${root}data/models/chat-lm`, '--reward', `${root}data/models/chat-rm`, '--max-new-tokens', '4']
const tiny = [...pair, '--max-new-tokens', '4']
const lines = (...rows: unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
const messages = [
  { role: 'user', content: 'Hello' },
  { role: 'assistant', content: 'Hi!' },
  { role: 'user', content: 'How do I\nmake bread?' },
]

describe('rows on stdout', () => {
  it('are text to read: what the user wrote, the reply, the reward', async () => {
    const input = lines({ id: 'a', messages }, { id: 'b', prompt: 'Plain' })
    const { stdout, code } = await rxargs(['generate', ...chat, '--concurrency', '1', '--text'], input)
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^== a, reward -?\d+\.\d{3}, cut at its most tokens\nHow do I\nmake bread\?\n--\n.+\n\n== b, reward .*\nPlain\n--\n/s,
    )
    expect(stdout).not.toContain('<|begin|>')
    await rxargs(['generate', ...chat, '--concurrency', '1', '-o', out], input)
    expect((await rxargs(['cat', out, '--text'])).stdout).toBe(stdout)
  })

  it('are what a plain prompt was before a template', async () => {
    const { stdout } = await rxargs(
      ['generate', ...tiny, '--template', 'hh', '--text'],
      lines({ id: 'a', prompt: 'Hi\u001b[31m' }),
    )
    expect(stdout).toMatch(/^== a, .*\nHi\[31m\n--\n/)
  })

  it('have the columns asked for, in their order', async () => {
    const input = lines({ id: 'a', prompt: 'Hi' }, { id: 'b' }, { id: 'c', prompt: 'Ho' })
    const { stdout } = await rxargs(['generate', ...tiny, '--columns', 'finish_reason,id'], input)
    const rows = stdout.trimEnd().split('\n').sort()
    expect(rows).toHaveLength(3)
    expect(rows[0]).toBe('{"finish_reason":"error","id":"b"}')
    await rxargs(['generate', ...tiny, '-o', out], input)
    expect((await rxargs(['cat', out, '--columns', 'finish_reason,id'])).stdout.trimEnd().split('\n').sort()).toEqual(rows)
  })

  it.each([
    [['--text', '--columns', 'id'], 'Expected `--text` or `--columns`, got both'],
    [['--text', '-o', 'x'], '`--text` is about rows on stdout: it takes no `--output`'],
    [['--columns', 'id,'], 'Expected `--columns` to be text, got nothing'],
  ])('are refused as %j', async (flags, message) => {
    const { code, stderr } = await rxargs(['generate', ...tiny, ...flags], lines({ prompt: 'a' }))
    expect(stderr).toContain(message)
    expect(code).toBe(2)
  })

  it('are refused without such a column, by the names that there are', async () => {
    const { code, stderr } = await rxargs(['generate', ...tiny, '--columns', 'id,topic'], lines({ prompt: 'a' }))
    expect(stderr).toMatch(/Expected columns of these rows \(id, sample, prompt, .*\), got `topic`/)
    expect(code).toBe(1)
    await rxargs(['generate', ...tiny, '-o', out], lines({ prompt: 'a' }))
    expect((await rxargs(['cat', out, '--columns', 'topic'])).stderr).toMatch(/Expected columns of .*out \(id, .*, got `topic`/)
  })
})

describe('the table after a run', () => {
  it("shows the user's last message, not what the template made of it", async () => {
    const { stdout } = await rxargs(['generate', ...chat, '-o', out], lines({ id: 'a', messages }))
    expect(stdout.split('\n')[2]).toMatch(/^How do I make bread\? +(?!error)/)
    for await (const row of readRows(out)) expect(row.user_message).toBe('How do I\nmake bread?')
  })
})

describe('error rows', () => {
  const input = lines(
    { id: 'a', prompt: 'Hi' },
    { id: 'b' },
    { id: 'c', prompt: 5 },
    { id: 'd', prompt: 'Ho' },
    { id: 'd', prompt: 'x' },
    { prompt: 'y' },
  )

  it('are counted by their reasons, with an example of each', async () => {
    const { stderr, code } = await rxargs(['generate', ...tiny], input)
    expect(stderr).toContain(
      '3 of 6 rows are error rows:\n  2 such as `b`: stdin:2: Expected `prompt` to be text that is not empty, got nothing\n',
    )
    expect(stderr).toContain('  1 is `stdin:5`: Expected each id once, got `d` again in stdin:5\n')
    expect(stderr).toMatch(/3 errors \(2 like "stdin:2: Expected `prompt` to be text.*", 1 like "Expected each id/)
    expect(code).toBe(0)
  })

  it('end a run at the first of them with --strict; what was made before is kept', async () => {
    const { stderr, code, stdout } = await rxargs(['generate', ...tiny, '--strict', '--concurrency', '1'], input)
    expect(code).toBe(1)
    expect(stderr).toContain('rxargs: Stopped at the first error row (--strict): `b`: stdin:2: Expected `prompt`')
    expect(jsonl(stdout).map(({ id }) => id)).toEqual(['a', 'b'])
    const folded = await rxargs(['generate', ...tiny, '--strict', '--concurrency', '1', '-o', out], input)
    expect(folded.code).toBe(1)
    const ids: unknown[] = []
    for await (const { id } of readRows(out)) ids.push(id)
    expect(ids).toEqual(['a', 'b'])
    expect((await rxargs(['generate', ...tiny, '--strict'], lines({ prompt: 'Hi' }))).code).toBe(0)
  })

  it('end a score at the first of them with --strict', async () => {
    const texts = lines(
      { id: 'a', prompt: 'Hi', completion: 'Ho' },
      { id: 'b', prompt: 'Hi' },
      { id: 'c', prompt: 'x', completion: 'y' },
    )
    const { code, stderr } = await rxargs(['score', '--reward', pair[3]!, '--strict', '--concurrency', '1'], texts)
    expect(stderr).toContain('Stopped at the first error row (--strict): `b`')
    expect(code).toBe(1)
  })

  it('fail a run where they are more than half, of its rows or of all in the folder', async () => {
    const bad = lines({ prompt: 'Hi' }, { prompt: 1 }, { prompt: 2 })
    const { code, stderr } = await rxargs(['generate', ...tiny, '-o', out], bad)
    expect([code, stderr]).toEqual([1, expect.stringContaining('More than half of the rows are error rows: 2 of 3')])
    const again = await rxargs(['generate', ...tiny, '-o', out], bad)
    expect([again.code, again.stderr]).toEqual([
      1,
      expect.stringMatching(/All done(.|\n)*More than half of the rows in .* are error rows, 2 of 3; --retry-errors/),
    ])
    const more = await rxargs(['generate', ...tiny, '-o', out], bad + lines({ prompt: 'Ho' }, { prompt: 'Hu' }))
    expect(more.code).toBe(0)
  })

  it('of one kind differ in place, numbers and what was found', () => {
    const reasons = errorReasons()
    const errors = [
      'a.jsonl:1: Expected x, got `1`',
      'a.jsonl:2: Expected x, got `two`',
      'The limit is 5',
      'The limit is 60',
      'other',
    ]
    for (const [index, error] of errors.entries()) reasons.add({ id: `r${index}`, finishReason: 'error', error })
    reasons.add({ id: 'fine', finishReason: 'stop', error: null })
    expect(reasons.lines()).toEqual([
      '  2 such as `r0`: a.jsonl:1: Expected x, got `1`',
      '  2 such as `r2`: The limit is 5',
      '  1 is `r4`: other',
    ])
    expect(reasons.brief()).toBe('2 like "a.jsonl:1: Expected x, got `1`", 2 like "The limit is 5", 1 others')
    for (let index = 0; index < 1000; index++) reasons.add({ id: 'many', finishReason: 'error', error: 'a'.repeat(index) })
    expect(reasons.lines()).toHaveLength(9)
    expect(reasons.count).toBe(1005)
  })
})

describe('prompts that are too long', () => {
  it('lose their beginning where asked, and the run says of how many', async () => {
    const input = lines({ id: 'a', prompt: 'far too long for the limit' }, { id: 'b', prompt: 'ok' })
    const limited = ['generate', ...tiny, '--max-prompt-tokens', '6']
    const refused = await rxargs(limited, input)
    expect(refused.stderr).toMatch(/1 of 2 rows is an error row:\n {2}1 is `a`: The prompt has \d+ tokens, the limit is 6\n/)
    const { stderr, stdout, code } = await rxargs([...limited, '--truncate', 'left'], input)
    expect(stderr).toContain(
      'The prompts of 1 row were too long and lost their beginning (--truncate left): see `truncated_tokens`\n',
    )
    expect(code).toBe(0)
    const [a, b] = jsonl(stdout).sort((one, other) => (String(one.id) < String(other.id) ? -1 : 1))
    expect(a).toMatchObject({ prompt_tokens: 6, truncated_tokens: expect.any(Number) })
    expect(b).toMatchObject({ truncated_tokens: null })
  })

  it('are read again by why, though they were cut', async () => {
    const input = lines({ id: 'a', prompt: 'far too long for the limit of café tokens' })
    await rxargs(['generate', ...tiny, '--max-prompt-tokens', '9', '--truncate', 'left', '--trace', '-o', out], input)
    const { stderr, code } = await rxargs(['why', out, 'a'])
    expect([code, stderr]).toEqual([0, ''])
  })

  it('are refused as a limit that is none', async () => {
    expect((await rxargs(['generate', ...tiny, '--truncate', 'right'], '')).stderr).toContain(
      'Expected `--truncate` to be one of error, left',
    )
    expect((await rxargs(['generate', ...tiny, '--max-prompt-tokens', '0'], '')).stderr).toContain(
      'Expected `--max-prompt-tokens` to be',
    )
  })
})

describe('timeLeft', () => {
  const given = { rows: 40, made: 0, elapsed: 10_000, tokens: 1000, maxTokens: 100, running: Array<number>(16).fill(62.5) }

  it('follows tokens before the first row ends: the most that is left', () => {
    // 16 rows have 37.5 tokens to go, 24 have 100: 3,000 tokens at 100 a second.
    expect(timeLeft(given)).toBeCloseTo(30_000)
  })

  it('is not misled by the first rows, which end alone after most of the others were decoded', () => {
    const left = timeLeft({ ...given, rows: 39, made: 1, running: Array<number>(15).fill(62.5) })
    expect(left).toBeLessThan(31_000)
  })

  it('learns how long replies are', () => {
    expect(timeLeft({ ...given, rows: 20, made: 50, running: [] })).toBeCloseTo(20 * 20 * 10)
  })

  it('follows rows where there are no tokens, and says nothing before there is one', () => {
    expect(timeLeft({ ...given, tokens: 0, made: 4, rows: 8 })).toBeCloseTo(20_000)
    expect(timeLeft({ ...given, tokens: 0 })).toBeUndefined()
    expect(timeLeft({ ...given, rows: 0 })).toBeUndefined()
  })
})

describe('the models of a run', () => {
  it('are recorded so that they are found from anywhere', async () => {
    expect(await recordedPath(relative(process.cwd(), `${root}data/models/chat-lm`))).toBe('embedded:chat-lm')
    expect(await recordedPath(`${root}data/models/../models/chat-rm/`)).toBe('embedded:chat-rm')
    expect(await modelFolder('embedded:chat-lm')).toBe(join(root, 'data/models/chat-lm'))
    expect(await recordedPath(relative(process.cwd(), lm))).toBe(lm)
    expect(await recordedPath('some-org/some-model@main')).toBe('some-org/some-model@main')
  })

  it.each([
    ['embedded ones', []],
    ['relative folders', ['--lm', 'data/golden/grouped/lm', '--reward', 'data/golden/grouped/reward']],
  ])('are found by why and report from another working directory: %s', async (_, models) => {
    const input = join(folder, 'in.jsonl')
    await writeFile(input, lines({ id: 'a', prompt: '\n\nHuman: Hi\n\nAssistant:' }))
    const here = [
      'generate',
      input,
      ...models.map((each) => (each.startsWith('--') ? each : relative(process.cwd(), root + each))),
    ]
    expect((await rxargs([...here, '--max-new-tokens', '3', '--trace', '-o', out])).code).toBe(0)
    const [file] = await parquetFiles(out)
    const meta = runMeta((await readParquet(file!)).metadata)
    expect(meta!.models.lm!.path).toBe(models.length === 0 ? 'embedded:chat-lm' : lm)
    const why = await finished(started(['why', 'out', 'a'], folder))
    expect(why).toMatchObject({ code: 0, stderr: '' })
    const report = await finished(started(['report', 'out', '-o', 'report.html', '--no-encoder'], folder))
    expect(report.code).toBe(0)
    expect(report.stderr).not.toContain('by their ids')
  })
})
