import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gitCommit } from '../../../../src/cli/reproduce/reproduce.js'
import { version } from '../../../../src/core/run.js'
import { lm, pair, reward, root, rxargs } from '../rxargs.js'

let folder: string
let args: readonly string[]
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-reproduce-'))
  const prompts = join(folder, 'prompts.jsonl')
  await writeFile(prompts, ['One', 'Two', 'Three'].map((prompt) => `${JSON.stringify({ id: prompt, prompt })}\n`).join(''))
  const checkpoints = join(folder, 'checkpoints')
  await mkdir(checkpoints)
  await cp(lm, join(checkpoints, 'ppo-lm'), { recursive: true })
  args = [
    ...['reproduce', '--prompts', prompts, '--limit', '2', ...pair, '--judge', `${root}data/golden/biased/reward`],
    ...['--checkpoints', checkpoints, '--max-new-tokens', '3', '--k', '2', '--weight', '0,1', '--cost-prompts', '1'],
  ]
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('rxargs reproduce', () => {
  it('writes tables, costs and plots, names what is missing, and resumes', async () => {
    const out = join(folder, 'out')
    const first = await rxargs([...args, '-o', out])
    expect(first.code, first.stderr).toBe(0)
    expect(first.stdout).toBe(
      ['report.md', 'report.json', 'decoders.svg', 'training.svg', 'sizes.svg'].map((name) => `${join(out, name)}\n`).join(''),
    )
    expect(first.stderr).toContain('ARGS beside training with the reward: incomplete without dpo-lm\n')
    const report = JSON.parse(await readFile(join(out, 'report.json'), 'utf8'))
    const commit = await gitCommit()
    expect(report.commit).toBe(commit)
    const names = report.tables.map((table: { evaluation?: { runs: { name: string; rows: number }[] } }) =>
      table.evaluation?.runs.map(({ name, rows }) => `${name} ${rows}`),
    )
    expect(names[0]).toContain('chat-lm/chat-rm/contrastive 2')
    expect(names[1]).toBeUndefined()
    expect(names[2]).toEqual(['chat-lm/chat-rm/greedy 2', 'chat-lm/chat-rm/args 2', 'ppo-lm/chat-rm/greedy 2'])
    const [, ppo] = report.tables[2].judged
    expect([ppo.win, ppo.tie, ppo.lose, ppo.winTie.value]).toEqual([0, 2, 0, 1])
    const against = report.tables[0].args.map((one: { name: string; against: string }) => [one.name, one.against])
    expect(against).toEqual(
      ['greedy', 'top-k', 'nucleus', 'contrastive', 'args-stochastic', 'best-of-n'].map((decoder) => [
        ...['chat-lm/chat-rm/args', `chat-lm/chat-rm/${decoder}`],
      ]),
    )
    const [toGreedy] = report.tables[0].args
    expect(toGreedy).toEqual(report.tables[0].judged.find(({ name }: { name: string }) => name === toGreedy.name))
    expect(report.cost.map(({ decoder, prompts }: Record<string, unknown>) => [decoder, prompts])).toEqual([
      ['contrastive', 1],
      ['args', 1],
      ['args-stochastic', 1],
      ['best-of-n', 1],
    ])
    expect(report.sweep.map(({ name }: { name: string }) => name)).toEqual(['k-2-weight-0', 'k-2-weight-1'])
    const markdown = await readFile(join(out, 'report.md'), 'utf8')
    expect(markdown).toContain('- left out: `dpo-lm`, the language model after DPO on the preference data, was not given')
    expect(markdown).toContain('| chat-lm/chat-rm/args judged against | prompts |')
    expect(markdown).toContain(`: rxargs ${version}${commit === undefined ? '' : ` (commit ${commit})`} on `)
    for (const plot of ['sweep/reward.svg', 'sizes.svg']) expect(await readFile(join(out, plot), 'utf8')).toMatch(/^<svg /)

    const again = await rxargs([...args, '-o', out])
    expect(again.code).toBe(0)
    expect(again.stderr).not.toMatch(/: [1-9]\d* rows written/)
    const { tables, sweep, cost } = JSON.parse(await readFile(join(out, 'report.json'), 'utf8'))
    expect({ tables, sweep, cost }).toEqual({ tables: report.tables, sweep: report.sweep, cost: report.cost })
  })
  it.each([
    [['--judge', reward], 'Expected `--judge` to be a model that guides no run, got the files of chat-rm', 2],
    [['--checkpoints', '/nowhere'], 'Expected `--checkpoints` to be a folder, got /nowhere', 1],
    [['--weight', 'much'], 'Expected `--weight` to be a finite number, got `much`', 2],
  ])('refuses %j', async (more, message, code) => {
    const failed = await rxargs([...args, '-o', join(folder, 'none'), ...more])
    expect([failed.code, failed.stderr]).toEqual([code, `rxargs: ${message}\n`])
  })
})
