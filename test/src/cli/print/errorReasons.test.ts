import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { errorReasons } from '../../../../src/cli/print/errorReasons.js'
import { readRows } from '../../../../src/io/readRows.js'
import { tempFolder } from '../../../tempFolder.js'
import { jsonl, lines, pair, rxargs, tiny } from '../rxargs.js'

let out: string
tempFolder((path) => {
  out = join(path, 'out')
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
    expect(stderr).toContain('  1: `stdin:5`: Expected each id once, got `d` again in stdin:5\n')
    expect(stderr).toMatch(/3 errors \(2 like "stdin:2: Expected `prompt` to be text.*", 1 like "Expected each id/)
    expect(code).toBe(0)
  })

  it('end a run at the first one with --strict, and earlier rows stay', async () => {
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

  it('end score at the first one with --strict', async () => {
    const texts = lines(
      { id: 'a', prompt: 'Hi', completion: 'Ho' },
      { id: 'b', prompt: 'Hi' },
      { id: 'c', prompt: 'x', completion: 'y' },
    )
    const { code, stderr } = await rxargs(['score', '--reward', pair[3]!, '--strict', '--concurrency', '1'], texts)
    expect(stderr).toContain('Stopped at the first error row (--strict): `b`')
    expect(code).toBe(1)
  })

  it("fail a run if they are more than half of its rows or of the folder's", async () => {
    const bad = lines({ prompt: 'Hi' }, { prompt: 1 }, { prompt: 2 })
    const { code, stderr } = await rxargs(['generate', ...tiny, '-o', out], bad)
    expect([code, stderr]).toEqual([1, expect.stringContaining('More than half of the rows are error rows: 2 of 3')])
    const again = await rxargs(['generate', ...tiny, '-o', out], bad)
    expect([again.code, again.stderr]).toEqual([
      1,
      expect.stringMatching(/Nothing to do(.|\n)*More than half of the rows in .* are error rows: 2 of 3; --retry-errors/),
    ])
    const more = await rxargs(['generate', ...tiny, '-o', out], bad + lines({ prompt: 'Ho' }, { prompt: 'Hu' }))
    expect(more.code).toBe(0)
  })

  it('of one kind may differ in place, numbers and values', () => {
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
      '  1: `r4`: other',
    ])
    expect(reasons.brief()).toBe('2 like "a.jsonl:1: Expected x, got `1`", 2 like "The limit is 5", 1 others')
    const named = errorReasons()
    named.add({ id: 'a.jsonl:1', finishReason: 'error', error: 'in/a.jsonl:1: Expected x' })
    expect(named.lines()).toEqual(['  1: in/a.jsonl:1: Expected x'])
    for (let index = 0; index < 1000; index++) reasons.add({ id: 'many', finishReason: 'error', error: 'a'.repeat(index) })
    expect(reasons.lines()).toHaveLength(9)
    expect(reasons.count).toBe(1005)
  })
})
