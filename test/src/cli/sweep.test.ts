import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseHTML } from 'linkedom'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sweepPoints } from '../../../pipelines/evaluation/sweep.js'
import { sweepPlot } from '../../../src/cli/print/sweepPlot.js'
import { query } from '../io/duckdb.js'
import { jsonl, pair, root, rxargs } from './rxargs.js'

let folder: string
let prompts: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-sweep-'))
  prompts = join(folder, 'hh.jsonl')
  const rows = ['One', 'Two', 'Three'].map((text) => ({ id: text, chosen: `\n\nHuman: ${text}\n\nAssistant: Yes.` }))
  await writeFile(prompts, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const decoding = [...pair, '--max-new-tokens', '5', '--dataset', 'hh']

describe('rxargs sweep', () => {
  it('decodes every point like generate, and writes figures and plots', async () => {
    const out = join(folder, 'all')
    const encoder = `${root}data/golden/encoders/bert`
    const swept = await rxargs([
      'sweep',
      prompts,
      ...decoding,
      '--weight',
      '0,2',
      '--k',
      '2,5',
      '-o',
      out,
      '--encoder',
      encoder,
      '--json',
    ])
    expect(swept.code).toBe(0)
    const { points } = JSON.parse(swept.stdout)
    expect(points.map(({ name, k, weight, rows }: Record<string, unknown>) => [name, k, weight, rows])).toEqual([
      ['k-2-weight-0', 2, 0, 3],
      ['k-2-weight-2', 2, 2, 3],
      ['k-5-weight-0', 5, 0, 3],
      ['k-5-weight-2', 5, 2, 3],
    ])
    const direct = await rxargs(['generate', prompts, ...decoding, '--k', '5', '--weight', '2'])
    const made = await rxargs(['cat', join(out, 'k-5-weight-2')])
    const replies = (text: string) => new Map(jsonl(text).map(({ id, token_ids: ids, reward }) => [id, [ids, reward]]))
    expect(replies(made.stdout)).toEqual(replies(direct.stdout))

    const [csv] = await query(`select * from read_csv('${join(out, 'sweep.csv')}') where k = 5 and weight = 2`)
    const [mean] = await query(`select avg(reward) reward from '${join(out, 'k-5-weight-2')}/*.parquet'`)
    expect(Number(csv!.reward)).toBeCloseTo(Number(mean!.reward), 9)
    expect(points[3].reward).toBeCloseTo(Number(mean!.reward), 9)
    expect(JSON.parse(await readFile(join(out, 'sweep.json'), 'utf8'))).toEqual({ points })
    for (const { intervals, ...point } of points)
      for (const metric of ['reward', 'diversity', 'coherence', 'length']) {
        expect(intervals[metric].low).toBeLessThanOrEqual(point[metric])
        expect(intervals[metric].high).toBeGreaterThanOrEqual(point[metric])
      }
    for (const metric of ['reward', 'diversity', 'coherence']) {
      const svg = await readFile(join(out, `${metric}.svg`), 'utf8')
      expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/)
      expect(svg).toContain('k = 2')
    }
  })

  it('resumes without the points and rows that exist', async () => {
    const out = join(folder, 'on')
    const sweep = (...more: string[]) => rxargs(['sweep', prompts, ...decoding, '--k', '3', '-o', out, ...more])
    await sweep('--weight', '1', '--limit', '2')
    const before = await readdir(join(out, 'k-3-weight-1'))
    const { code, stdout, stderr } = await sweep('--weight', '1,2')
    expect(code).toBe(0)
    expect(stderr).toContain('k-3-weight-1: 1 rows written (0 error rows), 2 from earlier runs\n')
    expect(stderr).toContain('k-3-weight-2: 3 rows written (0 error rows), 0 from earlier runs\n')
    expect(await readdir(join(out, 'k-3-weight-1'))).toEqual(expect.arrayContaining(before))
    expect(stdout).toMatch(/^run +k +weight +rows +reward +diversity +length +stopped +coherence +errors\n/)
    expect((await readdir(out)).sort()).toEqual([
      'coherence.svg',
      'diversity.svg',
      'k-3-weight-1',
      'k-3-weight-2',
      'reward.svg',
      'sweep.csv',
      'sweep.json',
    ])
  })

  it('loads the models of --other-lm', async () => {
    const nowhere = join(folder, 'nowhere')
    const { code, stderr } = await rxargs([
      'sweep',
      prompts,
      ...decoding,
      '--other-lm',
      `x=${nowhere}`,
      '-o',
      join(folder, 'other'),
    ])
    expect([code, stderr]).toEqual([1, expect.stringContaining(nowhere)])
  })

  it.each([
    [['x'], "required option '-o, --output <folder>' not specified"],
    [['-', '-o', 'y'], 'Expected a file with prompts, because each point reads it again, got standard input'],
    [['x', '-o', 'y', '--weight', '1,two'], 'Expected `--weight` to be a finite number, got `two`'],
    [['x', '-o', 'y', '--k', '0'], 'Expected `--k` to be an integer >= 1, got `0`'],
    [['x', '-o', 'y', '--decoder', 'greedy'], 'The decoder `greedy` takes no `--k`; it takes no options'],
    [['x', '-o', 'y', '--decoder', 'best'], 'Expected `--decoder` to be one of args, '],
    [['x', '-o', 'y', '--dataset', 'hh', '--template', 'chat'], 'defines its own prompts, so `--template` does not apply'],
    [['x', '-o', 'y', '--pooling', 'cls'], 'Expected `--encoder` beside `--pooling`, got none'],
    [['x', '-o', 'y', '--top-p', '1'], 'The decoder `args` takes no `--top-p`'],
  ])('refuses %j in one line', async (args, message) => {
    const { code, stdout, stderr } = await rxargs(['sweep', ...args])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^rxargs: .+\n$/)
    expect(stderr).toContain(message)
  })
})

describe('sweepPoints', () => {
  it('list every weight for every k once', () =>
    expect(sweepPoints([5, 10, 5], [0, 0.5, 0]).map(({ name }) => name)).toEqual([
      'k-5-weight-0',
      'k-5-weight-0.5',
      'k-10-weight-0',
      'k-10-weight-0.5',
    ]))
})

describe('sweepPlot', () => {
  const points = (values: readonly (number | null)[]) =>
    sweepPoints([5, 10], [0, 1, 2]).map((point, index) => {
      const value = values[index] ?? null
      return { ...point, rows: 1, errors: 0, figures: { reward: value }, counts: { reward: value === null ? 0 : 1 } }
    })

  it('has a line and a label for each k, and a dot for each point', () => {
    const svg = sweepPlot(points([1, 2, 3, 1, 3, 3]), 'reward')!
    expect(svg.match(/<circle /g)).toHaveLength(6)
    expect(svg.match(/k = \d+/g)).toEqual(['k = 5', 'k = 10'])
    const heights = [...svg.matchAll(/<text [^>]*transform="translate\([\d.]+,([\d.]+)\)"[^>]*>k = /g)].map(([, y]) => Number(y))
    expect(heights).toHaveLength(2)
    expect(Math.abs(heights[0]! - heights[1]!)).toBeGreaterThan(12)
  })

  it('has an interval for each point if the rows have them', () => {
    const spread = points([1, 2, 3, 1, 2, 3]).map((row, index) => ({
      ...row,
      ...(index > 0 && { intervals: { reward: { low: 0, high: 4 } } }),
    }))
    const svg = sweepPlot(spread, 'reward')!
    const groups = [...parseHTML(svg).document.querySelectorAll('g[aria-label="rule"][stroke^="var"]')]
    expect(groups.map((group) => group.querySelectorAll('line').length)).toEqual([2, 3])
    expect(new Set(groups.map((group) => group.getAttribute('transform'))).size).toBe(2)
    expect(svg).toContain('95% bootstrap interval')
    expect(sweepPlot(points([1, 2, 3]), 'reward')).not.toContain('interval')
  })

  it('draws equal points, and nothing without points', () => {
    const svg = sweepPlot(points([1, 1, 1, 1, 1, 1]), 'reward')!
    expect(svg).toContain('<circle ')
    const heights = [...svg.matchAll(/<text [^>]*transform="translate\([\d.]+,([\d.]+)\)"[^>]*>k = /g)].map(([, y]) => Number(y))
    expect(Math.abs(heights[0]! - heights[1]!)).toBeGreaterThan(12)
    expect(sweepPlot(points([]), 'reward')).toBeUndefined()
    expect(sweepPlot(points([1]), 'coherence')).toBeUndefined()
  })
})
