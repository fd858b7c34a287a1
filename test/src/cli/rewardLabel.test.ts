import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { withLabels } from '../../../src/cli/flags/flags.js'
import { tempFolder } from '../../tempFolder.js'
import { jsonl, lm, reward, rxargs } from './rxargs.js'

const golden = (name: string) => fileURLToPath(new URL(`../../../data/golden/${name}/reward`, import.meta.url))
const labelled = golden('labels')
const prompt = '{"id":"a","prompt":"How far is the moon?"}\n'
const text = '{"id":"a","prompt":"How far","completion":" is the moon?"}\n'

let folder: string
tempFolder((path) => {
  folder = path
})

describe('--reward-label', () => {
  const generated = (label: string, ...more: string[]) =>
    rxargs(
      ['generate', '-', '--lm', lm, '--reward', `r=${labelled}`, '--reward-label', label, '--max-new-tokens', '3', ...more],
      prompt,
    )

  it("selects the steering label by name or index, with or without the reward's name", async () => {
    const all = await Promise.all(['safe', '2', 'r=safe', 'verbose'].map((label) => generated(label)))
    const rewards = all.map(({ stdout }) => jsonl(stdout)[0]!.reward)
    expect(rewards.slice(1, 3)).toEqual([rewards[0], rewards[0]])
    expect(rewards[3]).not.toBe(rewards[0])
  })

  it("is one of a run's options", async () => {
    const out = join(folder, 'out')
    expect((await generated('safe', '-o', out)).code).toBe(0)
    expect((await generated('2', '-o', out)).stderr).toContain('already holds the row')
    expect(await generated('helpful', '-o', out)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('`label of reward r` "safe", but this run has "helpful"'),
    })
  })

  it('selects the label for score', async () => {
    const scored = (...flags: string[]) => rxargs(['score', '-', '--reward', labelled, ...flags], text)
    const [safe, helpful] = await Promise.all([scored('--reward-label', 'safe'), scored('--reward-label', 'helpful')])
    expect(jsonl(safe.stdout)[0]!.reward).not.toBe(jsonl(helpful.stdout)[0]!.reward)
    expect(await scored()).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Choose one of `verbose` (0), `helpful` (1), `safe` (2)'),
    })
    expect(await scored('--reward-label', 'kind')).toMatchObject({ code: 2, stderr: expect.stringContaining('got `kind`') })
  })

  it('works in bench and --dry-run', async () => {
    const flags = ['--lm', lm, '--reward', labelled, '--reward-label', 'safe']
    expect((await rxargs(['generate', '-', ...flags, '--dry-run'], prompt)).code).toBe(0)
    expect(
      (
        await rxargs(
          ['bench', '--prompts', '-', ...flags, '--decoder', 'args', '--concurrency', '1', '--max-new-tokens', '2', '--json'],
          prompt,
        )
      ).stdout,
    ).toContain('"decoder": "args"')
  })

  it('selects the label for eval and judge', async () => {
    const runs = [join(folder, 'a'), join(folder, 'b')] as const
    await Promise.all([generated('safe', '-o', runs[0]), generated('verbose', '-o', runs[1])])
    const evaluated = async (label: string) => {
      const flags = ['--reward-model', `m=${labelled}`, '--reward-label', label, '--json']
      return (JSON.parse((await rxargs(['eval', runs[0], ...flags])).stdout) as { runs: Record<string, number>[] }).runs[0]!
    }
    const scored = await rxargs(['score', runs[0], '--reward', labelled, '--reward-label', 'safe'])
    expect((await evaluated('m=safe'))['reward:m']).toBeCloseTo(jsonl(scored.stdout)[0]!.reward as number, 4)
    expect((await evaluated('0'))['reward:m']).not.toBeCloseTo(jsonl(scored.stdout)[0]!.reward as number, 4)
    const judged = (...flags: string[]) => rxargs(['judge', ...runs, '--judge', `rm:${labelled}`, '--json', ...flags])
    expect((await judged('--reward-label', 'safe')).code).toBe(0)
    expect(await judged()).toMatchObject({ code: 1, stderr: expect.stringContaining('Choose one of `verbose` (0)') })
    const chat = ['--judge', 'http://localhost', '--model', 'm', '--output', 'o', '--reward-label', 'safe']
    expect(await rxargs(['judge', ...runs, ...chat])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('so `--reward-label` does not apply'),
    })
  })

  it('is refused for an unknown reward, and twice for one reward', () => {
    const rewards = [{ path: 'm/a' }, { name: 'b', path: 'm/c' }]
    expect(withLabels(rewards, ['b=x=y', 'a=z'])).toEqual([
      { name: 'a', path: 'm/a', label: 'z' },
      { name: 'b', path: 'm/c', label: 'x=y' },
    ])
    expect(() => withLabels(rewards, ['x'])).toThrow(/NAME=LABEL with a reward's name \(a, b\), got `x`/)
    expect(() => withLabels(rewards, ['a=x', 'a=y'])).toThrow(/one `--reward-label` of reward `a`, got `x` and `a=y`/)
    expect(withLabels([{ path: 'm/a' }], ['b=x'])).toEqual([{ name: 'a', path: 'm/a', label: 'b=x' }])
  })
})

describe('rxargs inspect', () => {
  it.each([
    ['labels', /heads +3 labels, choose one with --reward-label: `verbose`, `helpful`, `safe`/, 'reward model'],
    ['value-head', /heads +value head `v_head.weight`\n/, 'reward model'],
    ['value-summary', /heads +vocabulary; value head `v_head.summary.weight`\n/, 'language model and reward model'],
    ['vocabulary', /heads +vocabulary \(as a reward: the log-probability of each token\)/, 'language model'],
  ])('shows the heads of %s', async (name, heads, role) => {
    const { code, stdout } = await rxargs(['inspect', golden(name)])
    expect(code).toBe(0)
    expect(stdout).toMatch(heads)
    expect(stdout).toMatch(new RegExp(`family +llama, ${role} \\(`))
    expect(stdout).not.toMatch(/^unused/m)
  })

  it('shows that a reward has one label', async () => {
    expect((await rxargs(['inspect', reward])).stdout).toMatch(/heads +one label, `LABEL_0`/)
  })
})

describe('rxargs score with a vocabulary head', () => {
  it('names its figure', async () => {
    const { stdout, stderr } = await rxargs(['score', '-', '--reward', `arm=${golden('vocabulary')}`], text)
    expect(stderr).toMatch(/Reward `arm` is a language model: its reward is the log-probability/)
    expect(jsonl(stdout)[0]!.reward).toBeLessThan(0)
  })
})
