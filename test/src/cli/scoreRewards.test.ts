import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { jsonl, pair, reward, root, rxargs } from './rxargs.js'

const folder = mkdtempSync(join(tmpdir(), 'rxargs-score-'))
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const texts = file(
  'texts.jsonl',
  '{"id":"a","prompt":"Hi ","completion":"please"}\n{"id":"b","prompt":"Hi ","completion":"no"}\n',
)
const one = file('one.mjs', 'export default (text, signal, { completion }) => completion.length\n')
const batch = file('batch.mjs', 'export const scoreBatch = (texts) => texts.map((text) => text.length)\n')

describe('rxargs score', () => {
  it.each([
    ['length(target=2, unit=characters)', [-2, 0]],
    ['polite=regex(pattern="^(p|pl)+ease$")', [1, 0]],
    ['words(wanted=no)', [0, 1]],
    [one, [6, 2]],
    [`mine=${batch}`, [9, 5]],
  ])('accepts %s as its reward', async (given, rewards) => {
    const { code, stdout } = await rxargs(['score', texts, '--reward', given])
    const rows = jsonl(stdout).sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1))
    expect([code, rows.map((row) => row.reward)]).toEqual([0, rewards])
  })

  it('refuses rows of a function with other options', async () => {
    const out = join(folder, 'out')
    expect((await rxargs(['score', texts, '--reward', 'length(target=2)', '-o', out])).code).toBe(0)
    expect((await rxargs(['score', texts, '--reward', 'length(target=2)', '-o', out])).stderr).toContain('Nothing to do')
    const { code, stderr } = await rxargs(['score', texts, '--reward', 'length(target=3)', '-o', out])
    expect([code, stderr]).toEqual([1, expect.stringContaining('rewardFunctions.length.length.target')])
  })

  it.each([
    [['ensemble(of="a,b")'], /to be one reward, got `ensemble/],
    [[one, '--reward-label', 'x'], /Expected `--reward-label` beside a model or a server, got a module/],
    [[reward, '--reward-timeout', '5'], /Expected a `--reward` that is a module .* beside `--reward-timeout`/],
    [['length(target=2)', '--reward-timeout', '5'], /beside `--reward-timeout`/],
    [['length(goal=2)'], /goal/],
  ])('refuses --reward %j', async (args, message) => {
    const { code, stderr } = await rxargs(['score', texts, '--reward', ...args])
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)])
  })
})

describe('--samples', () => {
  const said = async (...flags: string[]): Promise<number> => {
    const args = [
      'generate',
      `${root}data/prompts/sample.jsonl`,
      ...pair,
      '--limit',
      '2',
      '--max-new-tokens',
      '2',
      '--samples',
      '2',
    ]
    return (await rxargs([...args, ...flags])).stderr.split('The decoder draws no random numbers').length - 1
  }
  it.each([['greedy'], ['args'], ['beam']])('above 1 gets one notice with %s', async (decoder) => {
    expect(await said('--decoder', decoder)).toBe(1)
  })
  it.each([['args-stochastic'], ['nucleus'], ['best-of-n']])('gets no notice with %s', async (decoder) => {
    expect(await said('--decoder', decoder)).toBe(0)
  })
})

describe('--decoder dexperts', () => {
  it('names --other-lm if its models are missing', async () => {
    const { code, stderr } = await rxargs(['generate', `${root}data/prompts/sample.jsonl`, ...pair, '--decoder', 'dexperts'])
    expect([code, stderr]).toEqual([2, expect.stringContaining('`--other-lm expert=FOLDER`')])
  })
})
