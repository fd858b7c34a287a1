import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { tempFolder } from '../../../tempFolder.js'
import { lm, reward, rxargs } from '../rxargs.js'

let folder: string
tempFolder((path) => {
  folder = path
})

/** A baseline that repeats each prompt and records its requests. */
async function echo(seconds: number): Promise<string> {
  const file = join(folder, 'echo.mjs')
  const body = [
    `import { createInterface } from 'node:readline'`,
    `import { appendFileSync } from 'node:fs'`,
    `for await (const line of createInterface({ input: process.stdin })) {`,
    `  appendFileSync(${JSON.stringify(join(folder, 'asked.jsonl'))}, line + '\\n')`,
    `  const { prompt_token_ids } = JSON.parse(line)`,
    `  console.log(JSON.stringify({ token_ids: prompt_token_ids, seconds: ${seconds}, prefill_seconds: 0 }))`,
    `}`,
  ]
  await writeFile(file, body.join('\n'))
  return `"${process.execPath}" "${file}"`
}

describe('rxargs bench --make', () => {
  it('writes a pair that decodes to full length, with prompts of the given lengths, the same for a seed', async () => {
    const sizes = 'd=32,layers=1,reward-layers=2,heads=2,kv=1,ffn=40,vocab=300,prompt-tokens=9+4,prompts=3,seed=7'
    for (const name of ['a', 'b']) {
      expect(await rxargs(['bench', '--make', sizes, '--out', join(folder, name)])).toMatchObject({ code: 0 })
    }
    for (const file of ['lm/model.safetensors', 'reward/model.safetensors', 'prompts.jsonl']) {
      expect(await readFile(join(folder, 'a', file))).toEqual(await readFile(join(folder, 'b', file)))
    }
    const pair = ['--lm', join(folder, 'a/lm'), '--reward', join(folder, 'a/reward')]
    const settings = ['--decoder', 'args', '--concurrency', '3', '--max-new-tokens', '5', '--json']
    const { stdout } = await rxargs(['bench', '--prompts', join(folder, 'a/prompts.jsonl'), ...pair, ...settings])
    expect(JSON.parse(stdout).settings).toMatchObject([{ prompt_tokens: 22, completion_tokens: 15, baseline: null }])
  })

  it.each([
    ['d=32,layers', '`layers`'],
    ['d=32,hats=3', 'd, layers, heads'],
    ['d=30,heads=4', '`d` a multiple of `2 * heads`'],
    ['vocab=100', 'vocab an integer >= 257'],
    ['prompt-tokens=9+x', 'prompt-tokens an integer >= 1'],
  ])('refuses %s in one line', async (sizes, said) => {
    const { code, stderr } = await rxargs(['bench', '--make', sizes, '--out', folder])
    expect(code).toBe(2)
    expect(stderr).toContain(said)
  })

  it('requires prompts without --make', async () =>
    expect(await rxargs(['bench'])).toMatchObject({ code: 2, stderr: expect.stringContaining('`--prompts`') }))
})

describe('rxargs bench --baseline', () => {
  const bench = async (command: string, ...args: string[]) => {
    const prompts = join(folder, 'prompts.jsonl')
    await writeFile(prompts, '{"prompt":"a b"}\n{"prompt":"c d e"}\n')
    const settings = ['--lm', lm, '--reward', reward, '--max-new-tokens', '4', '--concurrency', '2']
    return rxargs(['bench', '--prompts', prompts, ...settings, '--baseline', command, ...args])
  }

  it('sends the baseline the same prompts and weights, and prints the ratio of tokens/s', async () => {
    const { stdout } = await bench(await echo(0.5), '--decoder', 'args,greedy', '--json')
    const { settings } = JSON.parse(stdout)
    for (const { baseline, tokens_per_second: ours, prompt_tokens: echoed } of settings) {
      expect(baseline).toMatchObject({ seconds: 0.5, completion_tokens: echoed, completions: 2, equal_completions: 0 })
      expect(baseline.ratio).toBeCloseTo(ours / (echoed / 0.5), 6)
    }
    const asked = (await readFile(join(folder, 'asked.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(asked.map(({ k, weight, max_new_tokens }) => [k, weight, max_new_tokens])).toEqual([
      [10, 1.5, 2],
      [10, 1.5, 4],
      [1, 0, 2],
      [1, 0, 4],
    ])
    expect(asked[1]).toMatchObject({ lm, reward, concurrency: 2, end_token_ids: [1, 2] })
  })

  it('reports in one line that the baseline ends, answers nonsense or lacks the decoder', async () => {
    const fails = `"${process.execPath}" -e "console.error('no torch here'); process.exit(3)"`
    expect(await bench(fails, '--decoder', 'args')).toMatchObject({ code: 1, stderr: expect.stringContaining('no torch here') })
    const speaks = `"${process.execPath}" -e "console.log('hello')"`
    expect(await bench(speaks, '--decoder', 'args')).toMatchObject({ code: 1, stderr: expect.stringContaining('got `hello`') })
    const { code, stderr } = await bench(await echo(1), '--decoder', 'args-stochastic')
    expect(code).toBe(2)
    expect(stderr).toContain('`args-stochastic`')
  })
})
