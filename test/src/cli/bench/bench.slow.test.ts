import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { pair, rxargs } from '../rxargs.js'

let folder: string
let prompts: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-bench-'))
  prompts = join(folder, 'prompts.jsonl')
  await writeFile(prompts, ['a b', 'c', 'd e f'].map((prompt) => `${JSON.stringify({ prompt })}\n`).join(''))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const bench = (...args: string[]) => rxargs(['bench', '--prompts', prompts, ...pair, '--max-new-tokens', '6', ...args])

describe('rxargs bench', () => {
  it('measures every decoder at every concurrency and prints JSON', async () => {
    const { code, stdout } = await bench('--concurrency', '1,3', '--decoder', 'args,greedy', '--json')
    expect(code).toBe(0)
    const { machine, settings } = JSON.parse(stdout)
    expect(machine).toMatchObject({ cpu: expect.any(String), cores: expect.any(Number), node: process.versions.node })
    expect(machine.peak_gflops).toBeGreaterThan(0)
    expect(machine.peak_read_gb_s).toBeGreaterThan(0)
    expect(settings.map((one: Record<string, unknown>) => [one.decoder, one.concurrency])).toEqual([
      ['args', 1],
      ['args', 3],
      ['greedy', 1],
      ['greedy', 3],
    ])
    for (const one of settings) {
      expect(one.completion_tokens).toBeGreaterThan(0)
      expect(one.completion_tokens).toBeLessThanOrEqual(18)
      expect(one.tokens_per_second).toBeCloseTo(one.completion_tokens / one.seconds, 6)
      expect(Object.keys(one.run_share)).toEqual(['lm', 'reward'])
      expect(one.outside_run_share).toBeGreaterThan(0)
      expect(one.outside_run_share).toBeLessThan(1)
      expect(one.lm_prefill_share).toBeGreaterThan(0)
      const { workers, messages, operators } = one.outside_share
      expect(workers + messages + operators).toBeCloseTo(one.outside_run_share, 6)
      expect(Object.keys(one.operator_ms)).toEqual(
        one.decoder === 'args' ? ['topK', 'batchReward', 'combineScore', 'selectGreedy'] : ['topK', 'selectGreedy'],
      )
      expect(Object.values(one.operator_ms).every((ms) => (ms as number) > 0)).toBe(true)
      expect(one.gflops.lm).toBeGreaterThan(0)
      expect(one.roofline_share).toBeGreaterThan(0)
      const calls = Object.entries(one.batch_sizes.lm).reduce((sum, [size, count]) => sum + Number(size) * Number(count), 0)
      expect(calls).toBe(one.completion_tokens)
      expect(one.cost_over_greedy === null).toBe(one.decoder === 'greedy')
    }
    expect(settings[0].mean_batch.lm).toBe(1)
    expect(settings[1].mean_batch.lm).toBeGreaterThan(1)
  })

  it('prints the same as text', async () => {
    const { code, stdout } = await bench('--concurrency', '2', '--decoder', 'args', '--limit', '2')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^args, 2 at once: [\d.]+ tokens\/s\n {2}2 prompts, \d+ tokens in /m)
    expect(stdout).toMatch(/^ {4}batchReward +[\d.]+ ms$/m)
    expect(stdout).toMatch(/^ {4}messages +[\d.]+%/m)
    expect(stdout).toMatch(/^ {2}calls per batch of reward, mean [\d.]+:$/m)
  })

  it('refuses a prompt that cannot be decoded, a wrong number and a wrong decoder in one line', async () => {
    await writeFile(prompts, '{"id":"x","prompt":""}\n')
    expect(await bench('--concurrency', '1', '--decoder', 'greedy')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^rxargs: Expected a reply to each prompt, got an error for `x`: .*$/m),
    })
    expect(await bench('--concurrency', '1,zero')).toMatchObject({ code: 2, stderr: expect.stringContaining('`zero`') })
    expect(await bench('--decoder', 'args,best')).toMatchObject({ code: 2, stderr: expect.stringContaining('`best`') })
    await writeFile(prompts, '')
    expect(await bench()).toMatchObject({ code: 1, stderr: expect.stringContaining('got none') })
  })
})
