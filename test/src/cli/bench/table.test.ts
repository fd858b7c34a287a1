import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { expect, it } from 'vitest'
import type { Baseline } from '../../../../src/cli/bench/baseline.js'
import { benchTable, tableText } from '../../../../src/cli/bench/table.js'
import { tableRows } from '../../../../src/cli/bench/tableRows.js'
import type { Terminal } from '../../../../src/cli/terminal.js'
import { tempFolder } from '../../../tempFolder.js'

let folder: string
tempFolder((path) => {
  folder = path
})

const machine = {
  ...{
    cpu: 'a CPU',
    cores: 2,
    memory_gib: 1,
    platform: 'linux-x64',
    node: '20',
    version: '0',
    threads: 1,
    peak_gflops: 100,
    peak_read_gb_s: 10,
  },
}
const tiny = { d: 32, layers: 2, heads: 2, ffn: 64, vocab: 257, 'prompt-tokens': [8] }

/** Answers at once with the requested number of tokens. */
const baseline: Baseline = {
  decode: async ({ prompt_token_ids: prompts, max_new_tokens: tokens }) => ({
    token_ids: prompts.map(() => Array<number>(tokens).fill(0)),
    seconds: 2,
    prefill_seconds: 0.5,
  }),
  close: () => undefined,
}

it('measures every row with small and large pairs, and writes the results', async () => {
  const rows = [
    {
      name: 'tiny',
      sizes: tiny,
      decoder: ['args'],
      prompts: 2,
      concurrency: 2,
      maxNewTokens: 4,
      goal: { ratio: 3, decode_ratio: 4 },
    },
    {
      name: 'costs',
      sizes: { ...tiny, 'reward-layers': 1 },
      decoder: ['args', 'greedy'],
      prompts: 1,
      concurrency: 1,
      maxNewTokens: 4,
    },
  ]
  const stdout = new PassThrough()
  const terminal = { stdout, stderr: new PassThrough(), stdin: Readable.from([]), signal: new AbortController().signal }
  const options = {
    machine,
    baseline,
    folder: join(folder, 'bench'),
    pairs: join(folder, 'pairs'),
    device: 'cpu',
    dtype: 'fp32',
    cache: true,
  } as const
  await benchTable(rows, options, terminal as unknown as Terminal)
  const results = JSON.parse(await readFile(join(folder, 'bench', 'results.json'), 'utf8'))
  expect(results.settings.map((one: Record<string, unknown>) => [one.name, one.decoder])).toEqual([
    ['tiny', 'args'],
    ['costs', 'args'],
    ['costs', 'greedy'],
  ])
  const [tinySetting, args, greedy] = results.settings
  expect(results.machine.peak_gflops).toBe(Math.max(tinySetting.peaks.peak_gflops, args.peaks.peak_gflops))
  expect(greedy.peaks).toEqual(args.peaks)
  expect(tinySetting.baseline).toMatchObject({ completion_tokens: 8, tokens_per_second: 4, completions: 2 })
  expect(tinySetting.baseline.ratio).toBeCloseTo(tinySetting.tokens_per_second / 4, 6)
  expect(tinySetting.baseline.decode_ratio).toBeCloseTo(tinySetting.decode_tokens_per_second / (8 / 1.5), 6)
  expect(args.cost_over_greedy).toBeGreaterThan(0)
  expect(greedy.baseline).toBeNull()
  for (const one of results.settings) {
    expect(one.completion_tokens).toBe(4 * one.prompts)
    for (const figure of [
      one.roofline_share,
      one.tokens_per_second,
      one.decode_tokens_per_second,
      one.gflops.lm,
      one.peak_rss_bytes,
    ])
      expect(figure).toBeGreaterThan(0)
  }
  const table = await readFile(join(folder, 'bench', 'results.md'), 'utf8')
  expect(table).toBe(`${tableText(results)}\n`)
  const [cells, without] = table
    .split('\n')
    .slice(4)
    .map((line) => line.split(' | '))
  const most = tinySetting.baseline.ratio / tinySetting.roofline_share
  expect(Number.parseFloat(cells![5]!) / most).toBeCloseTo(1, 1)
  expect(without![5]).toBe('')
  expect(await readFile(join(folder, 'bench', 'results.svg'), 'utf8')).toMatch(
    /^<svg[^>]* xmlns="http:\/\/www.w3.org\/2000\/svg"/,
  )
})

it('has the pairs, lengths and goals of the README', () => {
  expect(tableRows.filter(({ goal }) => goal).map(({ goal }) => goal!.ratio)).toEqual([6, 16, 4.3, 11, 10, 16])
  expect(new Set(tableRows.map(({ name }) => name)).size).toBe(tableRows.length)
})
